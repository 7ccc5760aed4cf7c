/** Looks at the store again and again: at each of its notices, and every so often, where a notice got lost. */
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
  let looking: Promise<void> | null = null;
  let cancel = schedule(poll, everyMs);
  const stopListening = store.onNotice(() => void lookOnce());

  function lookOnce(): Promise<void> {
    if (isClosed) return Promise.resolve();
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
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
