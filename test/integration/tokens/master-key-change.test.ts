/** A change of the master key, process by process: nothing is lost, and in the end the previous key is not needed. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedSigningKeys } from '../../../src/app/stored-signing-keys.ts';
import { keyDirectory } from '../../../src/jwt/key-directory.ts';
import { openKeyring } from '../../../src/jwt/keyring.ts';
import { webhookSchema } from '../../../src/objects/webhook.ts';
import { authenticate, credentialOf } from '../../../src/tokens/authenticate.ts';
import { deliveryContext } from '../../../src/tokens/events/call.ts';
import { masterKeyStatus } from '../../../src/tokens/master-key-status.ts';
import { IN_USE_MS, MasterKeyError } from '../../../src/tokens/master-keys.ts';
import { createWebhook, replaceWebhook, wholeWebhook } from '../../../src/tokens/objects/webhooks.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { newRefreshTokenValue, openRefreshToken } from '../../../src/tokens/refresh-token-value.ts';
import { resealRound, startResealing } from '../../../src/tokens/resealing.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { fakeClock } from '../../support/clock.ts';
import {
  addSessions,
  type KeyedProcess,
  type KeysOfProcess,
  processWith,
} from '../../support/master-keys.ts';
import type { StoreKind } from '../../support/open-store.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';
import { type TestDatabase, testDatabase } from '../../support/store.ts';
import { aDelivery } from '../../support/stored-objects.ts';
import {
  APP_A,
  addFixtures,
  configureTokens,
  EVERYWHERE,
  KEY,
  loginTo,
  TEN1,
  U2,
} from '../../support/token-fixtures.ts';
import { recordingLog } from '../../support/verifier.ts';

const HEADERS = { 'x-secret': 'of the receiver' };
const PASSWORD = 'of the webhook';

describe.each<StoreKind>(['sqlite', 'postgres'])('a change of the master key on %s', (kind) => {
  describe.skipIf(kind === 'postgres' && !hasPostgres)('', () => {
    let clock = fakeClock();
    let database: TestDatabase;
    let processes: KeyedProcess[] = [];
    beforeEach(async () => {
      clock = fakeClock();
      database = await testDatabase(kind);
    }, 60_000);
    afterEach(async () => {
      await Promise.all(processes.splice(0).map((one) => one.close()));
      await database.remove();
    });

    const start = async (keys: KeysOfProcess) => {
      const one = await processWith(kind, database.address, keys, clock);
      processes = [...processes, one];
      return one;
    };
    const end = async (one: KeyedProcess) => {
      processes = processes.filter((other) => other !== one);
      await one.close();
    };
    const K1: KeysOfProcess = { masterKey: '1' };
    const BOTH: KeysOfProcess = { masterKey: '2', previous: ['1'] };
    const K2: KeysOfProcess = { masterKey: '2' };
    /** With a session, an API key, keys, a webhook, an event that waits. */
    const filled = async (keys: KeysOfProcess = K1) => {
      const one = await start(keys);
      await addFixtures(one.service);
      await configureTokens(one.service, APP_A, { refreshTokenUsagePolicy: 'OneTimeUse' });
      const webhook = await createWebhook(
        one.service,
        undefined,
        webhookSchema.parse({
          url: 'https://hooks.example/',
          headers: HEADERS,
          httpAuthenticationUsername: 'us',
          httpAuthenticationPassword: PASSWORD,
        }),
      );
      const id = randomUUID();
      const sealedBody = one.service.sealer.seal('{}', deliveryContext(id));
      await one.service.store.webhookDeliveries.insert(aDelivery({ id, webhookId: webhook.id, sealedBody }));
      const { refreshToken } = await loginTo(one.service, APP_A);
      return { one, webhookId: webhook.id, deliveryId: id, used: refreshToken.value };
    };
    const refreshed = async (service: TokenService, refreshToken: string) =>
      await refresh(service, { refreshToken }, EVERYWHERE);
    const takesApiKey = async (service: TokenService) => {
      const call = { credential: credentialOf(KEY, null), tenantId: null, ipAddress: null };
      const operation = { method: 'GET', endpoint: '/api/tenant', authentication: 'apiKey' } as const;
      return (await authenticate(service, call, operation)).caller?.kind;
    };
    const assertionKey = async ({ opened }: KeyedProcess) => {
      const storage = storedSigningKeys(opened, keyDirectory('/nowhere'), clock);
      const source = { storage };
      const options = { source, algorithms: ['EdDSA'] as const, longestTtlMs: 0, clock, log: recordingLog() };
      return (await openKeyring(options)).active('EdDSA').id;
    };
    const resealAll = async ({ service }: KeyedProcess) => {
      let resealed = 0;
      for (;;) {
        const report = await resealRound(service);
        resealed += report.resealed;
        if (report.state !== 'more') return { ...report, resealed };
      }
    };

    it('T12 loses nothing, and in the end the previous key is not needed', async () => {
      const { one, webhookId, deliveryId, used } = await filled();
      const kid = await assertionKey(one);
      const first = await refreshed(one.service, used);
      await end(one);
      const two = await start(BOTH);
      const second = await refreshed(two.service, first.refreshToken.value);
      clock.advanceMs(IN_USE_MS + 1);
      expect(await resealAll(two)).toMatchObject({ state: 'done', previousKeys: 0 });
      expect(await masterKeyStatus(two.opened)).toMatchObject({ needs: [], lost: [], isSettled: true });
      await end(two);

      const { service, ...three } = await start(K2);
      expect(await takesApiKey(service)).toBe('apiKey');
      const { refreshToken, token } = await refreshed(service, second.refreshToken.value);
      await verifyAccessToken(service, token, { tenantId: null });
      // Used values are found as such: by then nobody knows the values themselves.
      await expect(refreshed(service, used)).rejects.toThrow('was used before');
      const record = await service.store.refreshTokens.get(refreshToken.id);
      expect(record === null ? null : openRefreshToken(service, record)).toBe(refreshToken.value);
      const webhook = service.catalog().webhooks.get(webhookId);
      expect(webhook && wholeWebhook(service, webhook)).toMatchObject({
        headers: HEADERS,
        httpAuthenticationPassword: PASSWORD,
      });
      const [delivery] = await service.store.webhookDeliveries.list(webhookId, 1);
      expect(service.sealer.open(delivery?.sealedBody ?? '', deliveryContext(deliveryId))).toBe('{}');
      expect(await assertionKey({ service, ...three })).toBe(kid);
    });

    it('refuses a start without the previous key while something needs it, and says which', async () => {
      const { one } = await filled();
      const { keyId } = one.service.sealer;
      await end(one);
      await expect(start(K2)).rejects.toThrow(MasterKeyError);
      await expect(start(K2)).rejects.toThrow(`sealed under master key ${keyId} (last used 2026-01-01T00:00`);
      clock.advanceMs(IN_USE_MS + 1);
      await resealAll(await start(BOTH));
      await start(K2);
    });

    it('waits while a process seals with the previous key, whose sessions the others refresh meanwhile', async () => {
      const { one, used } = await filled({ masterKey: '1', previous: ['2'] });
      const two = await start(BOTH);
      const inTurn = [two, one, two];
      let value = used;
      for (const { service } of inTurn) value = (await refreshed(service, value)).refreshToken.value;
      clock.advanceMs(IN_USE_MS);
      for (const each of [one, two]) expect((await resealRound(each.service)).state).toBe('inUse');
      expect(await takesApiKey(one.service)).toBe('apiKey');
      expect((await masterKeyStatus(two.opened)).needs).not.toEqual([]);
    });

    it('is done once, however many processes are at it', async () => {
      const { one, used } = await filled();
      for (let index = 0; index < 20; index += 1) await loginTo(one.service, APP_A);
      await end(one);
      const others = await Promise.all([start(BOTH), start(BOTH), start(BOTH)]);
      const { needs } = await masterKeyStatus((others[0] as KeyedProcess).opened);
      clock.advanceMs(IN_USE_MS + 1);
      const rounds = await Promise.all(others.map(({ service }) => resealRound(service)));
      // Those that found another one at it have gone.
      for (const { state } of rounds) expect(['done', 'busy', 'inUse']).toContain(state);
      for (const each of others) rounds.push(await resealAll(each));
      const total = rounds.reduce((sum, { resealed }) => sum + resealed, 0);
      expect(total).toBe(needs.reduce((sum, { values }) => sum + values, 0));
      await refreshed((await start(K2)).service, used);
    });

    it('keeps what changes while it is under way', async () => {
      const { one, used, webhookId } = await filled();
      await end(one);
      const two = await start(BOTH);
      clock.advanceMs(IN_USE_MS + 1);
      const { sealedValues } = two.service.store;
      let value = used;
      const between = {
        ...sealedValues,
        page: async (...wanted: Parameters<typeof sealedValues.page>) => {
          const values = await sealedValues.page(...wanted);
          if (wanted[0] === 'refreshTokens' && values.length > 0)
            value = (await refreshed(two.service, value)).refreshToken.value;
          return values;
        },
      };
      const service = { ...two.service, store: { ...two.service.store, sealedValues: between } };
      expect((await resealRound(service)).state).toBe('done');
      expect(value).not.toBe(used);
      const [record] = await two.service.store.refreshTokens.list({ tenantId: TEN1 }, 1);
      expect(record && openRefreshToken(two.service, record)).toBe(value);
      const three = await start(K2);
      expect((await masterKeyStatus(three.opened)).lost).toEqual([]);
      const { refreshToken } = await refreshed(three.service, value);
      expect(refreshToken.value).not.toBe(value);
      expect(three.service.catalog().webhooks.has(webhookId)).toBe(true);
    });

    it('loses no session that is refreshed, and keeps none that is revoked, at the same time', async () => {
      const { one } = await filled();
      const { refreshToken } = await loginTo(one.service, APP_A, 'u2@acme.com');
      await addSessions(one.service, refreshToken.id, 500);
      const sessions = await Promise.all(Array.from({ length: 10 }, () => loginTo(one.service, APP_A)));
      await end(one);
      const [two, other] = [await start(BOTH), await start(BOTH)];
      clock.advanceMs(IN_USE_MS + 1);
      let isOver = false;
      const using = sessions.map(async (session) => {
        let { value } = session.refreshToken;
        while (!isOver) ({ value } = (await refreshed(other.service, value)).refreshToken);
        return value;
      });
      const revoking = other.service.store.refreshTokens.revoke({ userId: U2 }, clock());
      expect((await resealAll(two)).state).toBe('done');
      isOver = true;
      expect((await revoking).count).toBe(501);
      const { service, opened } = await start(K2);
      for (const value of await Promise.all(using)) await refreshed(service, value);
      expect(await service.store.refreshTokens.list({ userId: U2 }, 1)).toEqual([]);
      expect((await masterKeyStatus(opened)).lost).toEqual([]);
    });

    it('goes on where it stopped, and begins again where the previous key was used meanwhile', async () => {
      const { one } = await filled();
      await end(one);
      const two = await start(BOTH);
      clock.advanceMs(IN_USE_MS + 1);
      expect(await resealRound(two.service, { batchesMax: 3 })).toMatchObject({
        state: 'more',
        previousKeys: 1,
      });
      const { masterKeys } = two.service.store;
      const { keyId } = two.service.sealer;
      expect(await masterKeys.progress(keyId)).toBe('refreshTokens');
      const late = await start({ masterKey: '1', previous: ['2'] });
      expect(await masterKeys.progress(keyId)).toBe('');
      await late.service.store.refreshTokens.list({}, 1);
      expect((await resealRound(two.service)).state).toBe('inUse');
      clock.advanceMs(IN_USE_MS + 1);
      expect((await resealAll(two)).state).toBe('done');
    });

    it('forgets no key that was used after the last page was read', async () => {
      const { one } = await filled();
      await end(one);
      const two = await start(BOTH);
      clock.advanceMs(IN_USE_MS + 1);
      const { masterKeys } = two.service.store;
      while ((await masterKeys.progress(two.service.sealer.keyId)) !== 'end')
        await resealRound(two.service, { batchesMax: 1 });
      await start({ masterKey: '1', previous: ['2'] });
      expect((await resealRound(two.service)).state).toBe('inUse');
      expect((await masterKeys.list()).length).toBe(2);
    });

    it('seals anew a secret that stayed under the previous key within an object of the present one', async () => {
      const { one, webhookId } = await filled();
      await end(one);
      const two = await start(BOTH);
      const webhook = two.service.catalog().webhooks.get(webhookId);
      if (webhook === undefined) throw new Error('The webhook is there');
      const { id: _, insertInstant: __, lastUpdateInstant: ___, source: ____, ...body } = webhook;
      await replaceWebhook(
        two.service,
        webhookId,
        { ...body, httpAuthenticationPassword: PASSWORD },
        EVERYWHERE,
      );
      clock.advanceMs(IN_USE_MS + 1);
      await resealAll(two);
      await two.service.refreshCatalog();
      const { service } = await start(K2);
      const after = service.catalog().webhooks.get(webhookId);
      expect(after && wholeWebhook(service, after).httpAuthenticationPassword).toBe(PASSWORD);
    });

    it('leaves what opens with no key as it is, and says so', async () => {
      const { one } = await filled();
      const { refreshToken } = await loginTo(one.service, APP_A);
      const record = await one.service.store.refreshTokens.get(refreshToken.id);
      if (record === null) throw new Error('The session is there');
      const ofAnother = newRefreshTokenValue(one.service, randomUUID());
      await one.service.store.refreshTokens.rotate(record.id, record.lookup, { ...record, ...ofAnother }, 0);
      await end(one);
      const two = await start(BOTH);
      clock.advanceMs(IN_USE_MS + 1);
      expect((await resealAll(two)).state).toBe('done');
      expect(two.log.lines).toContainEqual(
        expect.objectContaining({ level: 'error', fields: { values: 1 } }),
      );
      expect((await masterKeyStatus(two.opened)).lost).toEqual([{ place: 'refreshTokens', values: 1 }]);
    });

    it('happens by itself, and tells how many previous keys are left', async () => {
      const { one } = await filled();
      await end(one);
      const two = await start(BOTH);
      const scheduler = fakeScheduler(clock);
      const left: number[] = [];
      const stop = startResealing(two.service, scheduler.schedule, ({ previousKeys }) =>
        left.push(previousKeys),
      );
      // Each batch waits for the one before, and those for the database.
      await expect
        .poll(async () => {
          await scheduler.passMs(60_000);
          return left.at(-1);
        })
        .toBe(0);
      await stop();
      await settled();
      expect([left[0], scheduler.pending()]).toEqual([1, 0]);
      expect(two.log.lines.map(({ message }) => message)).toEqual([
        expect.stringContaining('seals with another master key'),
        expect.stringContaining('previousMasterKeys can be emptied'),
      ]);
      expect((await two.service.store.masterKeys.list()).map(({ id }) => id)).toEqual([
        two.service.sealer.keyId,
      ]);
    });

    it('looks at once for keys of versions before, which have told the store of none', async () => {
      const two = await start(BOTH);
      const used = await two.service.store.masterKeys.list();
      expect(used.map(({ usedInstant }) => usedInstant).toSorted()).toEqual([0, clock()]);
      expect((await resealAll(two)).state).toBe('done');
    });

    it('leaves look-ups as versions before have made them', async () => {
      const one = await start(K1);
      const before = createSealer(Buffer.alloc(32, '1'));
      expect(one.service.sealer.lookup('value', 'purpose')).toBe(before.lookup('value', 'purpose'));
      const two = await start(BOTH);
      expect(two.service.sealer.lookup('value', 'purpose')).toBe(before.lookup('value', 'purpose'));
    });
  });
});
