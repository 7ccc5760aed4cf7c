/** What the gateway and the thread that runs lambdas say to each other. Everything crosses as text and plain values. */
import type { EventLogType } from '../../tokens/event-log-table.ts';

/** Name of the function that a lambda declares. */
export type EntryPoint = 'reconcile' | 'populate';

export interface LambdaCall {
  readonly entryPoint: EntryPoint;
  /** The lambda's source text. */
  readonly body: string;
  /** JSON array: the arguments. */
  readonly args: string;
  /** Indexes of the arguments that are frozen, all the way down. */
  readonly frozen: readonly number[];
}

/** A body that is parsed and not run. */
export interface LambdaReading {
  readonly entryPoint: null;
  readonly body: string;
}

/** One call of `console`. */
export interface ConsoleLine {
  readonly type: EventLogType;
  readonly text: string;
}

export type LambdaOutcome =
  /** JSON array: the arguments as the lambda left them; none of a reading. */
  | { readonly kind: 'returned'; readonly args: string }
  /** `message` is the lambda's own. */
  | { readonly kind: 'threw'; readonly message: string }
  /** It was stopped: `message` names the limit. */
  | { readonly kind: 'stopped'; readonly message: string };

export interface LambdaAnswer {
  readonly outcome: LambdaOutcome;
  /** What it wrote until its end, in order. */
  readonly lines: readonly ConsoleLine[];
}

/** Given to the thread at its start. */
export interface ThreadSettings {
  readonly memoryBytes: number;
  /** Int32Array of one element over shared memory; not 0: the lambda that runs is to stop. */
  readonly stop: SharedArrayBuffer;
}

/** The thread's first message: it takes calls from now on. */
export const READY = 'ready';

/** Both ways, as JSON text: a user with full `data`, a registration with full `data`, and a token's claims fit twice. */
export const ARGS_MAX_CHARS = 512 * 1024;

export function stopped(limit: string): LambdaOutcome {
  return { kind: 'stopped', message: `The lambda was stopped: ${limit}` };
}
