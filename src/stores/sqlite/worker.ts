/** The thread that waits for the disk, so that the event loop does not. */
import { parentPort, workerData } from 'node:worker_threads';
import { Database } from './database.ts';
import type { Connection, Question } from './protocol.ts';

const connection: Connection = workerData;
const database = new Database(connection);

parentPort?.on('message', (questions: readonly Question[] | null) => {
  if (questions !== null) return parentPort?.postMessage(database.answers(questions));
  database.close();
  parentPort?.close();
});
