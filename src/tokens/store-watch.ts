/** Looks at the store again and again: after each of its notices, and every so often, where a notice got lost. */
import type { Scheduler } from '../core/time.ts';
import type { Store } from './store.ts';

export interface StoreWatchOptions {
  readonly store: Pick<Store, 'onNotice'>;
  readonly schedule: Scheduler;
  readonly everyMs: number;
  /** Never rejects. Is not called again before it has resolved: notices come in swarms. */
  readonly look: () => Promise<void>;
}

/** Gives back its end, after which nothing is looked at any more. */
export function watchStore({ store, schedule, everyMs, look }: StoreWatchOptions): () => void {
  let isClosed = false;
  /** Since the look under way began: it may have read before what the notice tells of was committed. */
  let isNoticed = false;
  let looking: Promise<void> | null = null;
  let cancel = schedule(poll, everyMs);
  const stopListening = store.onNotice(() => {
    isNoticed = true;
    void lookOnce();
  });

  function lookOnce(): Promise<void> {
    if (isClosed) return Promise.resolve();
    looking ??= lookUntilQuiet();
    return looking;
  }

  async function lookUntilQuiet(): Promise<void> {
    do {
      isNoticed = false;
      await look();
    } while (isNoticed && !isClosed);
    looking = null;
  }

  function poll(): void {
    void lookOnce().finally(() => {
      if (!isClosed) cancel = schedule(poll, everyMs);
    });
  }

  return () => {
    isClosed = true;
    cancel();
    stopListening();
  };
}
