/** Races on the use case of refreshing, by one or several services on one database (security.md T01–T04, T06, T07). */

import type { Application } from '../../src/objects/application.ts';
import { ServiceError } from '../../src/tokens/failure.ts';
import { type RefreshedTokens, refresh } from '../../src/tokens/refresh.ts';
import { revoke } from '../../src/tokens/revoke.ts';
import type { TokenService } from '../../src/tokens/service.ts';
import { verifyAccessToken } from '../../src/tokens/verify-access-token.ts';
import { type FakeClock, fakeClock } from '../../test/support/clock.ts';
import { composeTokenService } from '../../test/support/compose-token-service.ts';
import { openStoreAt, type StoreKind } from '../../test/support/open-store.ts';
import {
  APP_A,
  addFixtures,
  configureTokens,
  EVERYWHERE,
  loginTo,
} from '../../test/support/token-fixtures.ts';

export interface RefreshRaces {
  readonly kind: StoreKind;
  readonly address: string;
  /** Services, each with a store of its own on the database. */
  readonly services: number;
  readonly rounds: number;
  /** Calls at once, by turns through the services. */
  readonly contenders: number;
}

/** Services on a database that has the fixtures, where APP_A has one-time refresh tokens. */
async function withServices<T>(
  { kind, address, services }: RefreshRaces,
  policy: Partial<Application['jwtConfiguration']>,
  race: (services: readonly TokenService[], clock: FakeClock) => Promise<T>,
): Promise<T> {
  const clock = fakeClock();
  const stores = await Promise.all(
    Array.from({ length: services }, () => openStoreAt(kind, address, { clock })),
  );
  const composed = await Promise.all(stores.map((store) => composeTokenService(store, clock)));
  const all = composed.map(({ service }) => service);
  const [first] = all;
  if (first === undefined) throw new Error('A race needs a service');
  if (first.catalog().tenants.size === 0) await addFixtures(first);
  else await first.refreshCatalog();
  await configureTokens(first, APP_A, { ...STRICT, ...policy });
  await Promise.all(all.map((service) => service.refreshCatalog()));
  try {
    return await race(all, clock);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

const STRICT = {
  refreshTokenUsagePolicy: 'OneTimeUse',
  refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 0 },
  refreshTokenRevocationPolicy: { onOneTimeTokenReuse: false },
} as const;
const REVOKING = { refreshTokenRevocationPolicy: { onOneTimeTokenReuse: true } };
const GRACEFUL = { refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 10 } };

/** Null: refused with 400. Anything else that goes wrong is thrown. */
async function tryRefresh(service: TokenService, refreshToken: string): Promise<RefreshedTokens | null> {
  try {
    return await refresh(service, { refreshToken }, EVERYWHERE);
  } catch (error) {
    if (error instanceof ServiceError && error.status === 400) return null;
    throw error;
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('There is none');
  return item;
}

/** One value, presented by so many at once. */
async function storm(
  services: readonly TokenService[],
  value: string,
  contenders: number,
): Promise<readonly RefreshedTokens[]> {
  const calls = Array.from({ length: contenders }, (_, index) => tryRefresh(at(services, index), value));
  return (await Promise.all(calls)).filter((tokens) => tokens !== null);
}

type Judge = (services: readonly TokenService[], round: number, clock: FakeClock) => Promise<string | null>;

/** What went wrong, as sentences. */
async function rounds(
  races: RefreshRaces,
  policy: Partial<Application['jwtConfiguration']>,
  judge: Judge,
): Promise<readonly string[]> {
  return await withServices(races, policy, async (services, clock) => {
    const wrong: string[] = [];
    for (let round = 0; round < races.rounds; round += 1) {
      const problem = await judge(services, round, clock);
      if (problem !== null) wrong.push(`round ${round}: ${problem}`);
    }
    return wrong;
  });
}

/** T01: exactly one call succeeds; its successor lives, and the value is dead. */
export async function raceRefreshes(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, {}, async (services) => {
    const { refreshToken } = await loginTo(at(services, 0), APP_A);
    const won = await storm(services, refreshToken.value, races.contenders);
    const [winner] = won;
    if (winner === undefined || won.length !== 1) return `${won.length} of ${races.contenders} succeeded`;
    if ((await tryRefresh(at(services, 1), refreshToken.value)) !== null) return 'the used value works again';
    const next = await tryRefresh(at(services, 1), winner.refreshToken.value);
    return next === null ? 'the successor is dead' : null;
  });
}

/** T01, T02: exactly one succeeds, the others are replays, and so the session is dead. */
export async function raceReplays(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, REVOKING, async (services) => {
    const { refreshToken } = await loginTo(at(services, 0), APP_A);
    const won = await storm(services, refreshToken.value, races.contenders);
    if (won.length !== 1) return `${won.length} of ${races.contenders} succeeded`;
    return await whatLives(services, won);
  });
}

/** T07: within the grace all calls are given one and the same successor. */
export async function raceInGrace(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, GRACEFUL, async (services) => {
    const { refreshToken } = await loginTo(at(services, 0), APP_A);
    const won = await storm(services, refreshToken.value, races.contenders);
    if (won.length !== races.contenders) return `${won.length} of ${races.contenders} succeeded`;
    const successors = new Set(won.map((tokens) => tokens.refreshToken.value));
    return successors.size === 1 ? null : `${successors.size} successors were given`;
  });
}

/** How far the clock is off by turns, in milliseconds: both ways, by less and by far more than any grace. */
const JUMPS_MS = [0, -1, 1, -1000, 1000, -3_600_000, 3_600_000];

/** T06: whatever the clock says, exactly one of the calls succeeds, and the value is known as used for good. */
export async function raceUnderJumpingClock(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, {}, async (services, round, clock) => {
    const { refreshToken } = await loginTo(at(services, 0), APP_A);
    const startMs = clock();
    const jump = (turn: number) => clock.setMs(startMs + at(JUMPS_MS, round + turn));
    const calls = Array.from({ length: races.contenders }, (_, index) => {
      jump(index);
      return tryRefresh(at(services, index), refreshToken.value);
    });
    const won = (await Promise.all(calls)).filter((tokens) => tokens !== null);
    jump(races.contenders);
    const late = await tryRefresh(at(services, 1), refreshToken.value);
    clock.setMs(startMs);
    if (won.length !== 1) return `${won.length} of ${races.contenders} succeeded`;
    return late === null ? null : 'the used value works again';
  });
}

/** T03: an old value comes again while its owner goes on: never two chains, and none once the replay is seen. */
export async function raceReplayAgainstOwner(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, REVOKING, async (services, round) => {
    const { refreshToken } = await loginTo(at(services, 0), APP_A);
    const second = await tryRefresh(at(services, 0), refreshToken.value);
    if (second === null) return 'the first use was refused';
    const [owner, thief] = round % 2 === 0 ? [0, 1] : [1, 0];
    const calls = [
      tryRefresh(at(services, owner), second.refreshToken.value),
      tryRefresh(at(services, thief), refreshToken.value),
    ];
    const given = (await Promise.all(round % 3 === 0 ? calls.toReversed() : calls)).filter(
      (one) => one !== null,
    );
    return given.length > 1 ? 'both were given tokens' : await whatLives(services, [...given, second]);
  });
}

/** T04: once revoking was answered, nothing that was or will be given works. */
export async function raceRevocation(races: RefreshRaces): Promise<readonly string[]> {
  return await rounds(races, {}, async (services, round) => {
    const first = await loginTo(at(services, 0), APP_A);
    const chain = refreshUntilRefused(services, first.refreshToken.value, races.contenders);
    for (let turns = 0; turns < round % 8; turns += 1) await at(services, 1).store.ping();
    await revokeById(at(services, 1), first.refreshToken.id);
    const late = await tryRefresh(at(services, 0), first.refreshToken.value);
    if (late !== null) return 'tokens were given after the revocation';
    const given = await chain;
    await Promise.all(services.map((service) => service.revocations.refresh()));
    return await whatLives(services, [first, ...given]);
  });
}

async function revokeById(service: TokenService, tokenId: string): Promise<void> {
  const [apiKey] = service.catalog().apiKeys.values();
  if (apiKey === undefined) throw new Error('The fixtures are not there');
  await revoke(service, { tokenId }, { kind: 'apiKey', apiKey }, EVERYWHERE);
}

/** Rotates on and on, by turns through the services. */
async function refreshUntilRefused(
  services: readonly TokenService[],
  value: string,
  times: number,
): Promise<readonly RefreshedTokens[]> {
  const given: RefreshedTokens[] = [];
  for (let index = 0; index < times; index += 1) {
    const next = await tryRefresh(at(services, index), given.at(-1)?.refreshToken.value ?? value);
    if (next === null) break;
    given.push(next);
  }
  return given;
}

/** What of the tokens still works in any service; null: nothing. */
async function whatLives(
  services: readonly TokenService[],
  given: readonly Pick<RefreshedTokens, 'token' | 'refreshToken'>[],
): Promise<string | null> {
  for (const service of services) {
    await service.revocations.refresh();
    for (const { token, refreshToken } of given) {
      if (await verifies(service, token)) return 'an access token still works';
      if ((await tryRefresh(service, refreshToken.value)) !== null) return 'a refresh token still works';
    }
  }
  return null;
}

async function verifies(service: TokenService, token: string): Promise<boolean> {
  return await verifyAccessToken(service, token, EVERYWHERE).then(
    () => true,
    () => false,
  );
}
