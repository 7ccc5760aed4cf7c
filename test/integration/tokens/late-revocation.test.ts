/** A revocation that takes minutes to commit, while others come and go: every process knows of it in the end. */
import { expect, it } from 'vitest';
import { endSessions } from '../../../src/tokens/end-sessions.ts';
import { LONG_STATEMENT_MAX_MS } from '../../../src/tokens/store.ts';
import { validate } from '../../../src/tokens/validate.ts';
import { eachStore } from '../../support/store.ts';
import { APP_A, APP_B, EVERYWHERE, loginTo, TEN1 } from '../../support/token-fixtures.ts';
import { joinTestTokenService, testTokenService } from '../../support/token-service.ts';

const HALF_A_MINUTE_MS = 30_000;

eachStore((kind, open) => {
  // SQLite has one writer: no other revocation comes between the beginning of one and its commit.
  it.runIf(kind === 'postgres')(
    'the kill switch of an application is known here at once, elsewhere half a minute later (security.md C02)',
    async () => {
      const { service: here, clock } = await testTokenService({ database: { open } });
      const { service: elsewhere } = await joinTestTokenService({ database: { open }, clock });
      const [killed, other] = [await loginTo(here, APP_A), await loginTo(here, APP_B)];
      const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const slow: typeof here.store.transaction = (work) =>
        here.store.transaction(async (records) => {
          const result = await work(records);
          reached.resolve();
          await gate.promise;
          return result;
        });
      const ending = endSessions(
        { ...here, store: { ...here.store, transaction: slow } },
        {
          tenantId: TEN1,
          filter: { applicationId: APP_A },
          application: null,
          user: null,
          refreshToken: null,
        },
      );
      await reached.promise;
      clock.advanceMs(LONG_STATEMENT_MAX_MS);
      await here.store.refreshTokens.revoke({ id: other.refreshToken.id }, clock());
      await Promise.all([here.revocations.refresh(), elsewhere.revocations.refresh()]);
      gate.resolve();
      await ending;
      expect(here.revocations.isRevoked(killed.refreshToken.id)).toBe(true);
      clock.advanceMs(HALF_A_MINUTE_MS);
      await elsewhere.revocations.refresh();
      await expect(validate(elsewhere, killed.token, EVERYWHERE)).rejects.toMatchObject({ status: 401 });
    },
  );
});
