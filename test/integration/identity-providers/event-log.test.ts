/** What people can read of a reconcile, and what a caller cannot. */
import { beforeEach, describe, expect, it } from 'vitest';
import { readEventLog, searchEventLogs, writeEventLogs } from '../../../src/tokens/event-log.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { type Records, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { addProvider, IDP1 } from '../../support/identity-provider.ts';
import { APP_A } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { testKey } from '../../support/tokens.ts';

const bench = await testTokenService();
const { service } = bench;
const idp = await addProvider(bench, { debug: true });
beforeEach(() => idp.change({}));

const lastLogs = async (work: () => Promise<unknown>) => {
  const before = (await idp.eventLogs()).length;
  await work().catch(() => undefined);
  return (await idp.eventLogs()).slice(before);
};

describe('reconcile() of a provider that is being debugged', () => {
  it('IDP-S28: leaves one Debug entry with the decoded claims and the decision, and no signature', async () => {
    const token = idp.token();
    const [log, ...others] = await lastLogs(() => idp.login(token));
    expect(others).toEqual([]);
    expect(log?.type).toBe('Debug');
    for (const part of [
      'Acme Corp. ADFS',
      IDP1,
      APP_A,
      '"email":"bob@acme.com"',
      '"kid":"acme-1"',
      '200: made user',
    ])
      expect(log?.message).toContain(part);
    for (const part of token.split('.')) expect(log?.message).not.toContain(part);
  });

  it.each([
    ['another key', () => idp.token({}, {}, testKey('ES256', 'acme-1')), 'bad_signature'],
    ['an unknown key', () => idp.token({}, { kid: 'who' }), 'has no key for header member kid: \\"who\\"'],
    ['no unique id', () => idp.token({ sub: undefined }), 'MissingUniqueId'],
    ['a foreign domain', () => idp.token({ email: 'a@b.org' }), 'does not manage the domain'],
    ['an end', () => idp.token({ exp: 1 }), 'expired'],
    ['no form', () => 'nonsense', 'Token: not readable, malformed'],
  ])('JWT-S101: says why a token was refused, which the caller is not told: %s', async (_, token, reason) => {
    const answers: unknown[] = [];
    const logs = await lastLogs(() => idp.login(token()).catch((error: unknown) => answers.push(error)));
    expect(logs).toHaveLength(1);
    expect(logs[0]?.message).toContain('Decision: 401: ');
    expect(logs[0]?.message.replaceAll('"', '\\"')).toContain(reason);
    expect(
      answers.map((error) => (error instanceof ServiceError ? [error.status, error.errors] : error)),
    ).toEqual([[401, null]]);
  });

  it('IDP-S28: writes nothing where debug is off', async () => {
    await idp.change({ debug: false });
    expect(await lastLogs(() => idp.login(idp.token()))).toEqual([]);
    expect(await lastLogs(() => idp.login('nonsense'))).toEqual([]);
  });
});

describe('the event log', () => {
  it('gives an entry by id, and none for an id that is not there', async () => {
    const [log] = await lastLogs(() => idp.login(idp.token()));
    expect(await readEventLog(service, log?.id ?? 0)).toEqual(log);
    await expect(readEventLog(service, 1_000_000)).rejects.toMatchObject({ status: 404 });
  });

  it('bounds the length of a message and the size of an answer', async () => {
    await writeEventLogs(service, [{ type: 'Error', message: 'y'.repeat(100_000) }]);
    const search = { message: 'yyy', startRow: 0, numberOfResults: 1_000_000 };
    const { eventLogs } = await searchEventLogs(service, search);
    expect(eventLogs.map(({ message }) => message.length)).toEqual([20 * 1024]);
    const asked: number[] = [];
    const store = {
      ...service.store,
      eventLogs: {
        ...service.store.eventLogs,
        search: async ({ numberOfResults }: { numberOfResults: number }) => {
          asked.push(numberOfResults);
          return { total: 0, eventLogs: [] };
        },
      },
    };
    await searchEventLogs({ ...service, store }, search);
    expect(asked).toEqual([500]);
  });

  it('keeps the newest ten thousand', async () => {
    const trims: number[] = [];
    let id = 0;
    const eventLogs = {
      insert: async () => (id += 1),
      trim: async (keepCount: number) => trims.push(keepCount),
    };
    const store = {
      ...service.store,
      transaction: async <T>(work: (records: Records) => Promise<T>) =>
        await work({ ...service.store, eventLogs: { ...service.store.eventLogs, ...eventLogs } }),
    };
    const entries = Array.from({ length: 250 }, () => ({ type: 'Debug' as const, message: 'x' }));
    await writeEventLogs({ ...service, store }, entries);
    expect([id, trims]).toEqual([250, [10_000, 10_000]]);
  });

  it('does not fail what it tells of where the store cannot take it', async () => {
    const store = { ...service.store, transaction: () => Promise.reject(new StoreUnavailableError('gone')) };
    await writeEventLogs({ ...service, store }, [{ type: 'Error', message: 'x' }]);
  });
});
