/** A process of its own on a store, commanded line by line. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { on } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { atExit } from '../../test/support/endings.ts';
import type { StoreKind } from '../../test/support/open-store.ts';

export type ChildCommand =
  | { readonly do: 'race'; readonly id: string; readonly from: string; readonly contenders: number }
  | { readonly do: 'rotate'; readonly tokens: readonly { readonly id: string; readonly lookup: string }[] };

export interface StoreProcess {
  /** One line of what it says; null after the last. */
  line(): Promise<string | null>;
  send(command: ChildCommand): void;
  /** SIGKILL: no chance to clear up. */
  kill(): void;
  /** Lets it close its store, and waits for its end. */
  end(): Promise<void>;
}

/** Resolves when the process has opened the store. */
export async function startStoreProcess(kind: StoreKind, address: string): Promise<StoreProcess> {
  const program = join(import.meta.dirname, 'store-child.ts');
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [program, kind, address],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const kill = () => void child.kill('SIGKILL');
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', atExit(kill));
  child.stdin.on('error', () => undefined); // it was killed
  // Not the reader's own iterator: that one stops reading while nobody asks, and a process that speaks would wait.
  const lines = on(createInterface({ input: child.stdout }), 'line', { close: ['close'] });
  const line = async (): Promise<string | null> => {
    const { value, done } = await lines.next();
    return done === true ? null : String(value[0]);
  };
  if ((await line()) !== 'ready') throw new Error('A process could not open the store');
  return {
    line,
    send: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    kill,
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
