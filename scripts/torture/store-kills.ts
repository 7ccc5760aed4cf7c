/** Kills a process among its rotations, and looks for what it had been promised (security.md T05). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../src/tokens/store.ts';
import { openStoreAt } from '../../test/support/open-store.ts';
import { seededRandom } from '../../test/support/random.ts';
import { storedRefreshToken } from '../../test/support/stored-objects.ts';
import { startStoreProcess } from './store-process.ts';
import type { StoreRaces } from './store-races.ts';

export interface KillResult {
  readonly kills: number;
  /** Rotations that were answered before the kills. */
  readonly acknowledged: number;
  /** What was lost or doubled, as sentences. */
  readonly wrong: readonly string[];
}

/** Tokens that a process rotates at the same time: transactions that share a commit. */
const TOKENS = 4;
/** Long enough for some rotations, short enough for many kills. */
const LIFE_MAX_MS = 120;

/** What a token's process said of it. */
interface Said {
  /** Values that were answered, oldest first. */
  readonly done: string[];
  /** The value on its way when the process died. */
  begun: string | null;
}

export interface Kills extends StoreRaces {
  /** Called with how many there were so far. */
  readonly onKill?: (kills: number) => void;
}

/** `rounds`: kills. `seed`: of the moments of the kills. */
export async function killDuringRotations(
  { kind, address, rounds, onKill }: Kills,
  seed = 1,
): Promise<KillResult> {
  const random = seededRandom(seed);
  const store = await openStoreAt(kind, address);
  const wrong: string[] = [];
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const tokens = await Promise.all(Array.from({ length: TOKENS }, () => storedRefreshToken(store)));
    const child = await startStoreProcess(kind, address);
    child.send({ do: 'rotate', tokens: tokens.map(({ id, lookup }) => ({ id, lookup })) });
    await delay(random.below(LIFE_MAX_MS));
    child.kill();
    const said = new Map<string, Said>(tokens.map(({ id, lookup }) => [id, { done: [lookup], begun: null }]));
    for (let line = await child.line(); line !== null; line = await child.line()) note(said, line);
    for (const [id, { done, begun }] of said) {
      acknowledged += done.length - 1;
      const problem = await problemOf(store, id, done, begun);
      if (problem !== null) wrong.push(`kill ${round}: ${problem}`);
    }
    onKill?.(round + 1);
  }
  await store.close();
  return { kills: rounds, acknowledged, wrong };
}

function note(said: ReadonlyMap<string, Said>, line: string): void {
  const [word, id = '', lookup = ''] = line.split(' ');
  const of = said.get(id);
  if (of === undefined) throw new Error(`A process said: ${line}`);
  of.begun = word === 'begin' ? lookup : null;
  if (word === 'done') of.done.push(lookup);
  if (word === 'refused') throw new Error('A rotation was refused to the only process that rotates');
}

/**
 * The token is at the last answered value, or at the one that was on its way; all before it are retired. One statement
 * tells which: on PostgreSQL the commit that was on its way may come after the kill.
 */
async function problemOf(
  store: Store,
  id: string,
  done: readonly string[],
  begun: string | null,
): Promise<string | null> {
  const last = await store.refreshTokens.find(done.at(-1) ?? '');
  if (last?.record.id !== id) return 'a rotation that was answered is lost';
  if (last.use === 'retired' && last.record.lookup !== begun)
    return 'a value is current that nobody asked for';
  const before = done.slice(0, -1);
  const uses = await Promise.all(before.map(async (lookup) => (await store.refreshTokens.find(lookup))?.use));
  return uses.some((use) => use !== 'retired') ? 'a value that was rotated away is not known as such' : null;
}
