/** What lives in this process after a full garbage collection: leaks are counted, not guessed from memory that grows. */
import { queryObjects } from 'node:v8';

/** Instances of the class, subclasses included. */
export function liveCount(kind: abstract new (...args: never[]) => unknown): number {
  return queryObjects(kind, { format: 'count' });
}

class Nothing {}

/** Bytes of JavaScript values. */
export function heapBytes(): number {
  liveCount(Nothing); // collects
  return process.memoryUsage().heapUsed;
}
