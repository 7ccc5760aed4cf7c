/**
 * One more process on a store: `store-child.ts KIND ADDRESS`. Takes one JSON command a line, answers each with one
 * line. With `rotate` it rotates until it is killed, and says so before and after each rotation.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Store } from '../../src/tokens/store.ts';
import { openStoreAt } from '../../test/support/open-store.ts';
import { aSuccessor, NOW_MS } from '../../test/support/stored-objects.ts';
import type { ChildCommand } from './store-process.ts';

const STDOUT = 1;

/** How long to wait for room in the pipe before asking again. */
const PIPE_PAUSE_MS = 1;

/** In the pipe when it returns: what was said survives a kill. */
function say(...words: readonly (string | number)[]): void {
  let left = Buffer.from(`${words.join(' ')}\n`);
  while (left.length > 0) left = left.subarray(written(left));
}

function written(bytes: Buffer): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_PAUSE_MS);
    return 0;
  }
}

async function rotateForever(store: Store, id: string, from: string): Promise<void> {
  for (let lookup = from; ; ) {
    const next = aSuccessor();
    say('begin', id, next.lookup);
    if (!(await store.refreshTokens.rotate(id, lookup, next, NOW_MS))) return say('refused', id, lookup);
    say('done', id, next.lookup);
    lookup = next.lookup;
  }
}

/** How many of so many rotations of one value succeed at once. */
async function race(store: Store, id: string, from: string, contenders: number): Promise<number> {
  const rotations = Array.from({ length: contenders }, () =>
    store.refreshTokens.rotate(id, from, aSuccessor(), NOW_MS),
  );
  return (await Promise.all(rotations)).filter(Boolean).length;
}

async function obey(store: Store, command: ChildCommand): Promise<void> {
  if (command.do === 'race') return say(await race(store, command.id, command.from, command.contenders));
  await Promise.all(command.tokens.map(({ id, lookup }) => rotateForever(store, id, lookup)));
}

const [kind = '', address = ''] = process.argv.slice(2);
const store = await openStoreAt(kind === 'postgres' ? 'postgres' : 'sqlite', address);
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const command: ChildCommand = JSON.parse(line);
  await obey(store, command);
}
await store.close();
