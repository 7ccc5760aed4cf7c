/** Configuration objects are sealed in the database, those of versions before as soon as it is opened (T12, JWT-C95). */
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/stores/sqlite/open.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';
import { fakeClock } from '../../support/clock.ts';
import type { StoreKind } from '../../support/open-store.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { silentLog, type TestDatabase, testDatabase } from '../../support/store.ts';
import { storedBytes } from '../../support/stored-bytes.ts';
import { NOW_MS } from '../../support/stored-objects.ts';

const MARK = 'CANARY';

const aWebhook = (description = MARK) => ({
  id: randomUUID(),
  url: `https://hooks.test/?token=${MARK}`,
  description,
  global: true,
  tenantIds: [],
  eventsEnabled: {},
  transactionType: 'None' as const,
  connectTimeout: 1,
  readTimeout: 1,
  headers: { Authorization: `Bearer ${MARK}` },
  signatureConfiguration: { enabled: false },
  data: {},
  insertInstant: NOW_MS,
  lastUpdateInstant: NOW_MS,
  source: 'API' as const,
});

/** Past the store, as a version before this one or a thief of the database has it. */
async function change(
  kind: StoreKind,
  address: string,
  sql: string,
  values: readonly string[],
): Promise<void> {
  if (kind === 'sqlite') {
    const database = new DatabaseSync(address);
    database.prepare(sql.replace(/\$(\d)/g, '?$1')).run(...values);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  await client.query(sql, [...values]);
  await client.end();
}

describe.each(['sqlite', 'postgres'] as const)('configuration objects on %s', (kind) => {
  describe.skipIf(kind === 'postgres' && !hasPostgres)('are sealed', () => {
    let database: TestDatabase | undefined;
    afterEach(async () => {
      await database?.remove();
      database = undefined;
    });
    const create = async () => {
      database = await testDatabase(kind);
      return database;
    };
    const stored = async (address: string) => [...(await storedBytes(kind, address)).values()].join('\n');

    it('from the first write on', async () => {
      const { address, open } = await create();
      const [store, webhook] = [await open(), aWebhook()];
      await store.catalog.insert('webhooks', webhook, []);
      await store.catalog.update('webhooks', { ...webhook, description: `${MARK} 2` }, [], webhook);
      expect((await store.catalog.load()).webhooks.get(webhook.id)?.description).toBe(`${MARK} 2`);
      const all = await stored(address);
      expect([all.includes(MARK), all.includes(webhook.id)]).toEqual([false, true]);
    });

    it('when a database is opened that a version before has written, and no copy is left in the clear', async () => {
      const { address, open } = await create();
      const before = await open();
      await before.close();
      const webhooks = [aWebhook(), aWebhook(MARK.repeat(2000))];
      for (const webhook of webhooks)
        await change(kind, address, 'INSERT INTO catalog_objects (kind, id, body) VALUES ($1, $2, $3)', [
          'webhooks',
          webhook.id,
          JSON.stringify(webhook),
        ]);
      expect(await stored(address)).toContain(MARK);
      const store = await open();
      const catalog = await store.catalog.load();
      expect(webhooks.map(({ id }) => catalog.webhooks.get(id))).toEqual(webhooks);
      expect(catalog.revision).toBe(1);
      await store.close();
      expect(await stored(address)).not.toContain(MARK);
      const again = await open();
      expect(await again.catalog.revision()).toBe(1);
    });

    it('while another process of that version writes in the clear, and are read all the same', async () => {
      const { address, open } = await create();
      const [store, webhook] = [await open(), aWebhook()];
      await store.catalog.insert('webhooks', webhook, []);
      const clear = { ...webhook, description: 'clear' };
      const sql = 'UPDATE catalog_objects SET body = $2 WHERE id = $1';
      await change(kind, address, sql, [webhook.id, JSON.stringify(clear)]);
      expect((await store.catalog.load()).webhooks.get(webhook.id)).toEqual(clear);
      expect(await store.catalog.update('webhooks', webhook, [], webhook)).toBe(false);
      expect(await store.catalog.update('webhooks', webhook, [], clear)).toBe(true);
      expect((await store.catalog.load()).webhooks.get(webhook.id)).toEqual(webhook);
    });

    it('each for its row: one that was put in the place of another does not open', async () => {
      const { address, open } = await create();
      const [store, one, other] = [await open(), aWebhook(), aWebhook()];
      for (const webhook of [one, other]) await store.catalog.insert('webhooks', webhook, []);
      await store.catalog.load();
      const sql =
        'UPDATE catalog_objects SET body = (SELECT o.body FROM catalog_objects o WHERE o.id = $2) WHERE id = $1';
      await change(kind, address, sql, [one.id, other.id]);
      await expect(store.catalog.load()).rejects.toThrow('does not open');
    });

    it('and opened once, until they change', async () => {
      const { open } = await create();
      const [store, webhook, other] = [await open(), aWebhook(), aWebhook()];
      for (const one of [webhook, other]) await store.catalog.insert('webhooks', one, []);
      const first = (await store.catalog.load()).webhooks;
      await store.catalog.update('webhooks', { ...other, description: 'changed' }, []);
      const second = (await store.catalog.load()).webhooks;
      expect(second.get(webhook.id)).toBe(first.get(webhook.id));
      expect(second.get(other.id)?.description).toBe('changed');
    });
  });
});

describe('another master key', () => {
  it('opens no configuration object: a service that knows nothing does not start', async () => {
    const database = await testDatabase('sqlite');
    const store = await database.open();
    await store.catalog.insert('webhooks', aWebhook(), []);
    const sealer = createSealer(Buffer.alloc(32, 'other'));
    const other = await openSqliteStore({
      file: database.address,
      clock: fakeClock(),
      log: silentLog,
      sealer,
    });
    await expect(other.catalog.load()).rejects.toThrow('another master key');
    await other.close();
    await database.remove();
  });
});
