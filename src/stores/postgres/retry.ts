/** Does work again that another transaction was in the way of. */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { RetryableError } from './pool.ts';

/** More tries would not find the way clear either, while a caller waits. */
const TRIES_MAX = 8;
/** The first pause; each next one is twice as long, and random, so that two that met do not meet again. */
const PAUSE_MS = 5;

/** Throws what the last try failed with. */
export async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      if (tries === TRIES_MAX) throw error.cause;
      await wait(randomInt(PAUSE_MS * 2 ** tries));
    }
}
