/** A snapshot that counts the requests on it, so that it is closed when it is retired and the last one is over. */
import type { Snapshot } from './snapshot.ts';

export interface HeldSnapshot extends Snapshot {
  /** A request begins on the snapshot; the returned function says that it is over. */
  hold(): () => void;
  /** No request begins on it any more. Resolves when it is closed: streams and tunnels may take their time. */
  retire(): Promise<void>;
}

export function holdable(snapshot: Snapshot): HeldSnapshot {
  let users = 0;
  let retired: (() => void) | null = null;
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= snapshot.close();
    return closed;
  };
  const release = () => {
    users -= 1;
    if (users === 0) retired?.();
  };
  return {
    ...snapshot,
    close,
    hold: () => {
      users += 1;
      return once(release);
    },
    retire: async () => {
      if (users > 0) {
        await new Promise<void>((resolve) => {
          retired = resolve;
        });
      }
      await close();
    },
  };
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
