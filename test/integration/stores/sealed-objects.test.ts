/** Configuration objects are sealed in the database, those of versions before when it is first opened (T12, JWT-C95). */
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CatalogBodies } from '../../../src/stores/catalog-bodies.ts';
import { openSqliteStore, SqliteDriver } from '../../../src/stores/sqlite/open.ts';
import { sealObjects } from '../../../src/stores/tables/catalog.ts';
import { keyContext } from '../../../src/tokens/objects/keys.ts';
import type { Sealer } from '../../../src/tokens/ports.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';
import { fakeClock } from '../../support/clock.ts';
import { STORE_SEALER, type StoreKind } from '../../support/open-store.ts';
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

/** Until another session of the database waits for a lock. */
async function untilOneWaits(client: pg.Client): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  const look = async () => {
    // Within a transaction the first answer would be every one.
    await client.query('SELECT pg_stat_clear_snapshot()');
    expect((await client.query(sql)).rowCount).toBeGreaterThan(0);
  };
  await vi.waitFor(look, { timeout: 10_000, interval: 20 });
}

const INSERT = 'INSERT INTO catalog_objects (kind, id, body) VALUES ($1, $2, $3)';
const REPLACE = 'UPDATE catalog_objects SET body = $2 WHERE id = $1';
/** As a version before sealing leaves a database. */
const UNSEAL = 'UPDATE catalog_revision SET is_sealed = 0';

/** What the gateway does with a store of its own, under another master key. */
const openUnderAnotherKey = (file: string) =>
  openSqliteStore({
    file,
    clock: fakeClock(),
    log: silentLog,
    sealer: createSealer(Buffer.alloc(32, 'other')),
  });

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
        await change(kind, address, INSERT, ['webhooks', webhook.id, JSON.stringify(webhook)]);
      await change(kind, address, UNSEAL, []);
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

    it('and refused in the clear, in a process that runs and in one that starts', async () => {
      const { address, open } = await create();
      const [store, webhook] = [await open(), aWebhook()];
      await store.catalog.insert('webhooks', webhook, []);
      await store.catalog.load();
      await change(kind, address, REPLACE, [
        webhook.id,
        JSON.stringify({ ...webhook, description: 'planted' }),
      ]);
      await expect(store.catalog.load()).rejects.toThrow('in the clear');
      await expect(store.catalog.update('webhooks', webhook, [], webhook)).rejects.toThrow('in the clear');
      await expect((await open()).catalog.load()).rejects.toThrow('in the clear');
    });

    it('all at once: one in the clear beside sealed ones is not sealed, whatever the database says', async () => {
      const { address, open } = await create();
      const [store, planted] = [await open(), aWebhook('PLANTED')];
      await store.catalog.insert('webhooks', aWebhook(), []);
      await change(kind, address, INSERT, ['webhooks', planted.id, JSON.stringify(planted)]);
      await change(kind, address, UNSEAL, []);
      await expect(open()).rejects.toThrow('others stand in the clear');
      expect(await stored(address)).toContain('PLANTED');
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

    it('and read as the whole of what is stored: one whose end was altered does not open', async () => {
      const { address, open } = await create();
      const [store, webhook] = [await open(), aWebhook()];
      await store.catalog.insert('webhooks', webhook, []);
      await store.catalog.load();
      await change(kind, address, "UPDATE catalog_objects SET body = body || 'AAAA' WHERE id = $1", [
        webhook.id,
      ]);
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
    const other = await openUnderAnotherKey(database.address);
    await expect(other.catalog.load()).rejects.toThrow('another master key');
    await other.close();
    await database.remove();
  });

  const keyOf = (sealer: Pick<Sealer, 'seal'>) => {
    const id = randomUUID();
    return { id, name: id, sealedPrivateKey: sealer.seal('private', keyContext(id)) };
  };

  it.each([
    ['of another', 'refuses the start, and seals nothing under the wrong one', STORE_SEALER, false],
    ['of this and of another', 'seals', createSealer(Buffer.alloc(32, 'other')), true],
  ])('over objects in the clear with private keys %s %s', async (_of, _does, sealer, isRight) => {
    const database = await testDatabase('sqlite');
    await (await database.open()).close();
    const keys = [keyOf(STORE_SEALER), keyOf(sealer)];
    for (const key of keys)
      await change('sqlite', database.address, INSERT, ['keys', key.id, JSON.stringify(key)]);
    await change('sqlite', database.address, UNSEAL, []);
    const starts = openUnderAnotherKey(database.address).then((store) => store.close());
    if (isRight) await expect(starts).resolves.toBeUndefined();
    else await expect(starts).rejects.toThrow('another master key');
    const bytes = await storedBytes('sqlite', database.address);
    expect([...bytes.values()].join().includes(JSON.stringify(keys[0]))).toBe(!isRight);
    await database.remove();
  });
});

describe('sealing of what was in the clear', () => {
  it('writes over what SQLite frees only until it is done', async () => {
    const database = await testDatabase('sqlite');
    await (await database.open()).close();
    const webhook = aWebhook();
    await change('sqlite', database.address, INSERT, ['webhooks', webhook.id, JSON.stringify(webhook)]);
    await change('sqlite', database.address, UNSEAL, []);
    const driver = new SqliteDriver(database.address);
    const after = await driver.transaction(async (queries) => {
      await sealObjects(queries, new CatalogBodies(STORE_SEALER));
      return await queries.query('PRAGMA secure_delete');
    });
    expect(after.rows).toEqual([{ secure_delete: 0 }]);
    await driver.close();
    await database.remove();
  });
});

describe.skipIf(!hasPostgres)('a change by a version before, while its objects are sealed', () => {
  it('is waited for, and sealed as well', async () => {
    const database = await testDatabase('postgres');
    await (await database.open()).close();
    const webhook = aWebhook('first');
    await change('postgres', database.address, INSERT, ['webhooks', webhook.id, JSON.stringify(webhook)]);
    await change('postgres', database.address, UNSEAL, []);
    const client = new pg.Client({ connectionString: database.address });
    await client.connect();
    await client.query('BEGIN');
    await client.query('UPDATE catalog_revision SET revision = revision + 1');
    await client.query(REPLACE, [webhook.id, JSON.stringify({ ...webhook, description: 'second' })]);
    const opening = database.open();
    await untilOneWaits(client);
    await client.query('COMMIT');
    await client.end();
    const { webhooks } = await (await opening).catalog.load();
    expect(webhooks.get(webhook.id)?.description).toBe('second');
    await database.remove();
  });
});
