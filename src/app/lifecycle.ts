/** What a running gateway can be told, and how it ends: once. */
import type { Logger } from '../core/log.ts';

export interface Origins {
  readonly proxy: string;
  /** Null: the token service's API is not served. */
  readonly api: string | null;
}

export interface RunningApp {
  /** Origins under which the listeners are reached from this machine. */
  readonly origins: Origins & { readonly ops: string };
  /** Reads the configuration again. False: it is not in order, and the old one stays. Never rejects. */
  reload(): Promise<boolean>;
  /**
   * Stops accepting, lets running requests finish within `shutdownGrace`, closes everything. `defect`: the error that
   * nobody caught, where that is why; it is logged.
   */
  stop(defect?: unknown): Promise<void>;
}

export interface Ending {
  readonly hasBegun: boolean;
  readonly stop: RunningApp['stop'];
}

/** `close` is called once, however often the end is asked for. */
export function createEnding(log: Logger, close: () => Promise<void>): Ending {
  let closing: Promise<void> | null = null;
  return {
    get hasBegun() {
      return closing !== null;
    },
    stop: (defect) => {
      if (defect !== undefined)
        log.error('Stopping after a defect: nothing caught this', { cause: stackOf(defect) });
      if (closing === null) log.info('Stopping: running requests are finished first');
      closing ??= close();
      return closing;
    },
  };
}

/** With the stack: a defect is looked for where it happened. */
export function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
