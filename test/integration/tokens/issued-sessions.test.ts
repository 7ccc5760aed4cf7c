/** What an application gets by the token of another one ends with the session it came from (RFC 9700 §4.14.2). */
import { beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../../../src/tokens/issue.ts';
import { logout } from '../../../src/tokens/logout.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import type { IssuedTokens } from '../../../src/tokens/result.ts';
import { revoke } from '../../../src/tokens/revoke.ts';
import { revokeToken } from '../../../src/tokens/revoke-token.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { eachStore } from '../../support/store.ts';
import {
  APP_A,
  APP_B,
  APP_H,
  APP_S,
  configureTokens,
  EVERYWHERE,
  loginTo,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const ends: readonly (readonly [
  how: string,
  end: (service: TokenService, tokens: IssuedTokens) => Promise<unknown>,
])[] = [
  [
    'is revoked by id',
    (service, tokens) => revoke(service, { tokenId: idOf(tokens) }, byKey(service), EVERYWHERE),
  ],
  ['is revoked by value', (service, tokens) => revokeToken(service, refreshValue(tokens), EVERYWHERE)],
  ['is logged out', (service, tokens) => logout(service, { refreshToken: refreshValue(tokens) }, EVERYWHERE)],
  [
    'is used twice (security.md T02)',
    async (service, tokens) => {
      const use = () => refresh(service, { refreshToken: refreshValue(tokens) }, EVERYWHERE);
      await use();
      await expect(use()).rejects.toMatchObject({ status: 400 });
    },
  ],
];

function byKey(service: TokenService) {
  const [apiKey = expect.unreachable()] = service.catalog().apiKeys.values();
  return { kind: 'apiKey', apiKey } as const;
}

function refreshValue({ refreshToken }: IssuedTokens): string {
  return refreshToken?.value ?? expect.unreachable();
}

function idOf({ refreshToken }: IssuedTokens): string {
  return refreshToken?.id ?? expect.unreachable();
}

eachStore((_, open) => {
  let service: TokenService;

  beforeAll(async () => {
    ({ service } = await testTokenService({ database: { open } }));
    for (const application of [APP_A, APP_B])
      await configureTokens(service, application, {
        refreshTokenUsagePolicy: 'OneTimeUse',
        refreshTokenRevocationPolicy: { onOneTimeTokenReuse: true },
      });
  });

  async function issued(by: TokenService, from: IssuedTokens, applicationId: string): Promise<IssuedTokens> {
    const caller = await verifyAccessToken(by, from.token, EVERYWHERE);
    return (await issue(by, { applicationId, refreshToken: refreshValue(from) }, caller, EVERYWHERE)).tokens;
  }

  /** A session, one issued from it, and one issued from that. */
  async function chain(): Promise<readonly [IssuedTokens, IssuedTokens, IssuedTokens]> {
    const first = await loginTo(service, APP_A);
    const second = await issued(service, first, APP_B);
    return [first, second, await issued(service, second, APP_H)];
  }

  async function alive(chained: readonly IssuedTokens[]): Promise<readonly boolean[]> {
    const records = chained.map((tokens) => service.store.refreshTokens.get(idOf(tokens)));
    return (await Promise.all(records)).map((record) => record !== null);
  }

  describe.each(ends)('a session that %s', (_how, end) => {
    it('takes along all that were issued from it', async () => {
      const [other, chained] = [await loginTo(service, APP_S), await chain()];
      await end(service, chained[0]);
      expect(await alive([...chained, other])).toEqual([false, false, false, true]);
      expect(chained.map((tokens) => service.revocations.isRevoked(idOf(tokens)))).toEqual([
        true,
        true,
        true,
      ]);
    });

    it('leaves the one that it was issued from', async () => {
      const chained = await chain();
      await end(service, chained[1]);
      expect(await alive(chained)).toEqual([true, false, false]);
    });
  });

  it('takes along what is just being issued from it', async () => {
    const [first, second] = await chain();
    const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: typeof service.store.transaction = (work) =>
      service.store.transaction(async (records) => {
        const result = await work(records);
        reached.resolve();
        await gate.promise;
        return result;
      });
    const issuing = issued({ ...service, store: { ...service.store, transaction: slow } }, second, APP_H);
    await reached.promise;
    const ending = logout(service, { refreshToken: refreshValue(first) }, EVERYWHERE);
    await new Promise((wait) => setTimeout(wait, 200)); // it has come to what the other holds
    gate.resolve();
    const third = await issuing;
    await ending;
    expect(await alive([first, second, third])).toEqual([false, false, false]);
  });
});
