/** Races on one refresh token: rotations by several processes, and rotation against revocation (security.md T01–T04). */
import type { Store } from '../../src/tokens/store.ts';
import { openStoreAt, type StoreKind } from '../../test/support/open-store.ts';
import { aSuccessor, NOW_MS, storedRefreshToken } from '../../test/support/stored-objects.ts';
import { type StoreProcess, startStoreProcess } from './store-process.ts';

export interface StoreRaces {
  readonly kind: StoreKind;
  readonly address: string;
  readonly rounds: number;
}

export interface RotationRaces extends StoreRaces {
  readonly processes: number;
  /** Rotations of one value at once, in each process. */
  readonly contenders: number;
}

/** Rounds in which not exactly one rotation succeeded, as sentences. */
export async function raceRotations(races: RotationRaces): Promise<readonly string[]> {
  const store = await openStoreAt(races.kind, races.address);
  const starting = Array.from({ length: races.processes }, () =>
    startStoreProcess(races.kind, races.address),
  );
  const processes = await Promise.all(starting);
  const wrong: string[] = [];
  for (let round = 0; round < races.rounds; round++) {
    const winners = await raceOnce(store, processes, races.contenders);
    if (winners !== 1) wrong.push(`round ${round}: ${winners} rotations of one value succeeded`);
  }
  await Promise.all(processes.map((child) => child.end()));
  await store.close();
  return wrong;
}

async function raceOnce(
  store: Store,
  processes: readonly StoreProcess[],
  contenders: number,
): Promise<number> {
  const { id, lookup } = await storedRefreshToken(store);
  for (const child of processes) child.send({ do: 'race', id, from: lookup, contenders });
  const answers = await Promise.all(processes.map((child) => child.line()));
  return answers.reduce((sum, answer) => sum + Number(answer), 0);
}

/** Rounds after which a revoked token lives, or an access token of it that was given would be let through. */
export async function raceRevocations({ kind, address, rounds }: StoreRaces): Promise<readonly string[]> {
  const [rotating, revoking] = await Promise.all([openStoreAt(kind, address), openStoreAt(kind, address)]);
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const problem = await revokeAgainstRotation(rotating, revoking, round);
    if (problem !== null) wrong.push(`round ${round}: ${problem}`);
  }
  await Promise.all([rotating.close(), revoking.close()]);
  return wrong;
}

async function revokeAgainstRotation(
  rotating: Store,
  revoking: Store,
  round: number,
): Promise<string | null> {
  const token = await storedRefreshToken(rotating);
  const rotations = rotateUntilRefused(rotating, token.id, token.lookup);
  // By turns early and late in a chain of rotations.
  for (let wait = 0; wait < round % 8; wait++) await revoking.refreshTokens.get(token.id);
  const { count } = await revoking.refreshTokens.revoke({ id: token.id }, NOW_MS);
  const { lookups, accessExpiresInstant } = await rotations;
  if (count !== 1) return `${count} tokens were revoked`;
  const found = await Promise.all(lookups.map((lookup) => rotating.refreshTokens.find(lookup)));
  if (found.some((use) => use !== null)) return 'a value is found after the revocation';
  const revocations = await rotating.revocations.since(NOW_MS, NOW_MS);
  const until = revocations.find(({ sid }) => sid === token.id)?.until ?? 0;
  return until < accessExpiresInstant ? 'an access token outlives its revocation' : null;
}

interface Chain {
  readonly lookups: readonly string[];
  /** Of the last access token that was given. */
  readonly accessExpiresInstant: number;
}

const CHAIN_MAX = 16;

async function rotateUntilRefused(store: Store, id: string, from: string): Promise<Chain> {
  const lookups = [from];
  let accessExpiresInstant = 0;
  for (let step = 1; step < CHAIN_MAX; step++) {
    const next = aSuccessor({ accessExpiresInstant: NOW_MS + 3_600_000 + step });
    const isRotated = await store.refreshTokens.rotate(id, lookups.at(-1) ?? '', next, NOW_MS);
    lookups.push(next.lookup);
    if (!isRotated) break;
    accessExpiresInstant = next.accessExpiresInstant;
  }
  return { lookups, accessExpiresInstant };
}
