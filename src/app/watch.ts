/**
 * Notices that a file of the configuration has changed, by looking: this sees edits, renames and the swapped links of
 * mounted ConfigMaps and Secrets, on every file system, where notifications of the kernel miss some of them.
 */
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** The files that were read last, each as it was just before. */
export interface Sources {
  /** Forgets the files: reading begins anew. */
  restart(): void;
  /** Call before the file is read: a change in between is then seen as one. */
  note(path: string): void;
  /** What the files are now; equal texts mean that nothing has changed. */
  fingerprint(): Promise<string>;
  /** What they were when they were read. */
  readonly notedFingerprint: string;
}

export function createSources(): Sources {
  const noted = new Map<string, string>();
  return {
    restart: () => noted.clear(),
    note: (path) => void noted.set(path, markNow(path)),
    fingerprint: async () => (await Promise.all([...noted.keys()].map(mark))).join('\n'),
    get notedFingerprint() {
      return [...noted.values()].join('\n');
    },
  };
}

const ABSENT = 'absent';

/** Links are followed: what counts is the file at their end. */
function markNow(path: string): string {
  try {
    return markOf(statSync(path, { bigint: true }));
  } catch {
    return ABSENT;
  }
}

function mark(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(markOf, () => ABSENT);
}

function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** A change is acted on when it has lasted from one look to the next: files are often written in several steps. */
const LOOK_MS = 1000;

export interface Watch {
  readonly sources: Sources;
  /** Asked at every look. */
  readonly isOn: () => boolean;
  /** Reads the files again. No look is taken until it is done. Must not reject. */
  readonly onChange: () => Promise<unknown>;
  readonly lookMs?: number;
}

/** Returns how to stop. Does not keep the process alive. */
export function watch({ sources, isOn, onChange, lookMs = LOOK_MS }: Watch): () => void {
  let waiting: string | null = null;
  let isLooking = false;
  const look = async () => {
    const now = await sources.fingerprint();
    const isChanged = now !== sources.notedFingerprint;
    const isLasting = isChanged && now === waiting;
    waiting = isChanged ? now : null;
    if (isLasting) await onChange();
  };
  const timer = setInterval(() => {
    if (isLooking || !isOn()) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, lookMs).unref();
  return () => clearInterval(timer);
}
