/** Worker processes that tests own: they answer, hang and end as they are told. */
import { LinkClosedError } from '../../src/app/link.ts';
import type { WorkerEnd, WorkerProcess } from '../../src/app/worker-process.ts';

type Handler = (argument: unknown) => unknown;

export interface FakeWorker {
  readonly worker: WorkerProcess;
  /** Names of the calls so far. */
  readonly calls: readonly string[];
  /** From now on, calls of this name get this answer; others get undefined. */
  on(name: string, handler: Handler): FakeWorker;
  /** The process is gone. Calls that wait, and later ones, fail. */
  end(end?: WorkerEnd): void;
  readonly isKilled: boolean;
}

const KILLED: WorkerEnd = { cause: 'signal', text: 'signal SIGKILL' };
let lastId = 0;

/** Ends by itself when it is killed, and after it was told to stop. */
export function fakeWorker(): FakeWorker {
  lastId += 1;
  const handlers = new Map<string, Handler>();
  const calls: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<WorkerEnd>();
  const gone = ended.then(() => Promise.reject(new LinkClosedError('the other process is gone')));
  gone.catch(() => {});
  let isKilled = false;
  const worker: WorkerProcess = {
    id: lastId,
    pid: 1000 + lastId,
    ended,
    kill: () => {
      isKilled = true;
      resolve(KILLED);
    },
    link: {
      call: async (name, argument) => {
        calls.push(name);
        const answered = Promise.resolve(argument).then((value) => handlers.get(name)?.(value));
        const answer = await Promise.race([answered, gone]);
        if (name === 'stop') setImmediate(() => resolve({ cause: 'exit', text: 'exit code 0' }));
        return answer as never;
      },
    },
  };
  const fake: FakeWorker = {
    worker,
    calls,
    on: (name, handler) => {
      handlers.set(name, handler);
      return fake;
    },
    end: (end = KILLED) => resolve(end),
    get isKilled() {
      return isKilled;
    },
  };
  return fake;
}
