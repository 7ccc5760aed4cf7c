/** Each statement that requests wait for finds its rows by an index, on both databases: ten times the rows cost no ten times the time. */
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogBodies } from '../../../src/stores/catalog-bodies.ts';
import type { Driver, Outcome, Queries, Row, Value } from '../../../src/stores/driver.ts';
import { connectionSettings } from '../../../src/stores/postgres/pool.ts';
import { toPostgres } from '../../../src/stores/postgres/sql.ts';
import { parsePostgresUrl } from '../../../src/stores/postgres/url.ts';
import { toSqlite } from '../../../src/stores/sqlite/sql.ts';
import { createStore } from '../../../src/stores/store.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { STORE_SEALER, type StoreKind } from '../../support/open-store.ts';
import { eachStore } from '../../support/store.ts';
import {
  aDelivery,
  aLink,
  aPendingLink,
  aRefreshToken,
  aRegistration,
  aSuccessor,
  aUser,
  NOW_MS,
} from '../../support/stored-objects.ts';

/** One connection, past the driver of src/: what a statement is, and how the database would run it. */
interface Connection {
  readonly dialect: StoreKind;
  query(sql: string, values: readonly Value[]): Promise<Outcome>;
  /** The lines of its plan. */
  explain(sql: string, values: readonly Value[]): Promise<readonly string[]>;
  /** Foreign keys without an index that begins with their columns: deleting a parent would read the whole table. */
  bareForeignKeys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

function openSqlite(file: string): Connection {
  const database = new DatabaseSync(file);
  const all = (sql: string, values: readonly Value[] = []) => database.prepare(sql).all(...values) as Row[];
  return {
    dialect: 'sqlite',
    query: async (sql, values) => {
      const rows = all(toSqlite(sql), values);
      return { rows, count: rows.length };
    },
    explain: async (sql, values) =>
      all(`EXPLAIN QUERY PLAN ${toSqlite(sql)}`, values).map(({ detail }) => String(detail)),
    bareForeignKeys: async () =>
      all(`SELECT m.name || '.' || f."from" AS bare FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
           WHERE m.type = 'table' AND f.seq = 0 AND NOT EXISTS (
             SELECT 1 FROM pragma_index_list(m.name) i, pragma_index_info(i.name) c
             WHERE c.seqno = 0 AND c.name = f."from")`).map(({ bare }) => String(bare)),
    close: async () => database.close(),
  };
}

const STATEMENT_TIMEOUT_MS = 10_000;

async function openPostgres(url: string): Promise<Connection> {
  const client = new pg.Client(connectionSettings(parsePostgresUrl(url), STATEMENT_TIMEOUT_MS));
  await client.connect();
  // Tables of a test are so small that reading them whole is best: only where there is no index it still is.
  await client.query('SET enable_seqscan = off');
  const rowsOf = async (text: string, values: readonly Value[] = []) =>
    (await client.query<Record<string, Value>>({ text, values: [...values] })).rows;
  return {
    dialect: 'postgres',
    query: async (sql, values) => {
      const rows = await rowsOf(toPostgres(sql).text, values);
      return { rows, count: rows.length };
    },
    explain: async (sql, values) =>
      (await rowsOf(`EXPLAIN ${toPostgres(sql).text}`, values)).map((row) => String(row['QUERY PLAN'])),
    bareForeignKeys: async () =>
      (
        await rowsOf(`SELECT conname AS bare FROM pg_constraint c WHERE contype = 'f' AND NOT EXISTS (
          SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])`)
      ).map(({ bare }) => String(bare)),
    close: () => client.end(),
  };
}

interface Asked {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Runs each statement, and writes it down. */
function recording(connection: Connection, asked: Asked[]): Driver {
  const queries: Queries = {
    dialect: connection.dialect,
    async query(sql, values = []) {
      asked.push({ sql, values });
      const outcome = await connection.query(sql, values);
      // Whoever updates without RETURNING goes on as if the row was there.
      return outcome.rows.length === 0 && !sql.startsWith('SELECT') ? { rows: [], count: 1 } : outcome;
    },
    async changeAll(statements) {
      for (const { sql, values } of statements) await queries.query(sql, values);
      return true;
    },
    transaction: (work) => work(queries),
    notify: async () => {},
  };
  return { ...queries, onNotice: () => () => {}, close: () => connection.close() };
}

const user = aUser();
const token = aRefreshToken({ userId: user.id });
const link = aLink({ userId: user.id });
const pending = aPendingLink();
const delivery = aDelivery();
const registration = aRegistration();
const useOf = (lookup: string) => ({ ...aSuccessor(), lookup });

/**
 * Everything that requests, feeds and deliveries do, in an order in which each step finds what it needs. Not here:
 * loading the catalog, searching and trimming the event log, and ended revocations, which read what they are about.
 */
const STEPS: readonly (readonly [what: string, run: (store: Store) => Promise<unknown>])[] = [
  ['catalog.revision', ({ catalog }) => catalog.revision()],
  ['users.insert', ({ users }) => users.insert(user)],
  ['users.get', ({ users }) => users.get(user.id, { lock: true })],
  ['users.findByEmail', ({ users }) => users.findByEmail(user.tenantId, user.email ?? '')],
  ['users.findByUsername', ({ users }) => users.findByUsername(user.tenantId, 'nobody')],
  ['users.tenantsOf', ({ users }) => users.tenantsOf(user.email ?? '')],
  ['users.update', ({ users }) => users.update(user)],
  ['users.insertRegistration', ({ users }) => users.insertRegistration(user.id, registration)],
  ['users.updateRegistration', ({ users }) => users.updateRegistration(user.id, registration)],
  ['refreshTokens.insert', ({ refreshTokens }) => refreshTokens.insert(token)],
  ['refreshTokens.get', ({ refreshTokens }) => refreshTokens.get(token.id)],
  ['refreshTokens.find', ({ refreshTokens }) => refreshTokens.find(token.lookup)],
  ['refreshTokens.findWithUser', ({ refreshTokens }) => refreshTokens.findWithUser(token.lookup)],
  [
    'refreshTokens.touch',
    ({ refreshTokens }) => refreshTokens.touch(token.id, token.lookup, useOf(token.lookup)),
  ],
  [
    'refreshTokens.rotate',
    ({ refreshTokens }) => refreshTokens.rotate(token.id, token.lookup, useOf(randomUUID()), NOW_MS),
  ],
  ['refreshTokens.list of a user', ({ refreshTokens }) => refreshTokens.list({ userId: user.id }, 10)],
  [
    'refreshTokens.list of a tenant',
    ({ refreshTokens }) => refreshTokens.list({ tenantId: user.tenantId }, 10),
  ],
  ...(['id', 'userId', 'applicationId', 'tenantId'] as const).map(
    (name) =>
      [
        `refreshTokens.revoke by ${name}`,
        async ({ refreshTokens }: Store) => {
          const one = aRefreshToken({ userId: user.id });
          await refreshTokens.insert(one);
          await refreshTokens.revoke({ [name]: one[name] }, NOW_MS);
        },
      ] as const,
  ),
  [
    'refreshTokens.deleteStartedBefore',
    ({ refreshTokens }) => refreshTokens.deleteStartedBefore(token.applicationId, NOW_MS, NOW_MS, 100),
  ],
  ['revocations.since', ({ revocations }) => revocations.since(NOW_MS, NOW_MS)],
  ['links.insert', ({ links }) => links.insert(link)],
  [
    'links.get',
    ({ links }) => links.get(link.tenantId, link.identityProviderId, link.identityProviderUserId),
  ],
  ['links.list', ({ links }) => links.list(user.id)],
  ['links.list of a provider', ({ links }) => links.list(user.id, link.identityProviderId)],
  ['links.touch', ({ links }) => links.touch(link, NOW_MS)],
  [
    'logins.find and logins.record',
    async ({ logins }) => {
      const { tenantId, identityProviderId, identityProviderUserId } = link;
      const { applicationId } = registration;
      const linked = await logins.find(tenantId, identityProviderId, identityProviderUserId, applicationId);
      if (linked === null) throw new Error('the link is there');
      const refreshToken = aRefreshToken({ userId: user.id });
      await logins.record({ linked, refreshToken, ipAddress: null, instant: NOW_MS });
    },
  ],
  ['pendingLinks.insert', ({ pendingLinks }) => pendingLinks.insert(pending)],
  ['pendingLinks.get', ({ pendingLinks }) => pendingLinks.get(pending.lookup, NOW_MS)],
  ['pendingLinks.take', ({ pendingLinks }) => pendingLinks.take(pending.lookup, NOW_MS)],
  ['pendingLinks.deleteEnded', ({ pendingLinks }) => pendingLinks.deleteEnded(NOW_MS)],
  ['loginRecords.list', ({ loginRecords }) => loginRecords.list(user.id, 10)],
  ['loginRecords.trim', ({ loginRecords }) => loginRecords.trim(NOW_MS, 10)],
  ['eventLogs.get', ({ eventLogs }) => eventLogs.get(1)],
  ['webhookDeliveries.insert', ({ webhookDeliveries }) => webhookDeliveries.insert(delivery)],
  ['webhookDeliveries.queues', ({ webhookDeliveries }) => webhookDeliveries.queues()],
  [
    'webhookDeliveries.claim, renew and release',
    async ({ webhookDeliveries }) => {
      const held = await webhookDeliveries.claim(delivery.webhookId, NOW_MS, NOW_MS + 1);
      const renewed = held && (await webhookDeliveries.renew(held, NOW_MS + 2));
      if (renewed !== null) await webhookDeliveries.release(renewed, { failures: 0, nextAttemptInstant: 0 });
    },
  ],
  ['webhookDeliveries.list', ({ webhookDeliveries }) => webhookDeliveries.list(delivery.webhookId, 10)],
  [
    'webhookDeliveries.deleteOlder',
    ({ webhookDeliveries }) => webhookDeliveries.deleteOlder(delivery.webhookId, 0),
  ],
  ['webhookDeliveries.trim', ({ webhookDeliveries }) => webhookDeliveries.trim(delivery.webhookId, 10)],
  ['webhookDeliveries.delete', ({ webhookDeliveries }) => webhookDeliveries.delete(delivery.id)],
  ['webhookDeliveries.deleteOf', ({ webhookDeliveries }) => webhookDeliveries.deleteOf(delivery.webhookId)],
  ...(['refreshTokens', 'webhookDeliveries'] as const).map(
    (place) =>
      [
        `sealedValues.page and replace of ${place}`,
        async ({ sealedValues }: Store) => {
          const value = { id: token.id, sealed: token.sealedValue, next: token.sealedValue };
          await sealedValues.page(place, token.id, 10);
          await sealedValues.replace(place, [value]);
        },
      ] as const,
  ),
  [
    'sealedValues.replace of catalogObjects',
    ({ sealedValues }) =>
      sealedValues.replace('catalogObjects', [{ id: `keys ${token.id}`, sealed: 'x', next: 'y' }]),
  ],
  [
    'masterKeys.progress and advance',
    async ({ masterKeys }) => {
      await masterKeys.advance('k', await masterKeys.progress('k'), 'end');
      await masterKeys.forget('k', NOW_MS);
    },
  ],
  ['users.hasAnyOf', ({ users }) => users.hasAnyOf(user.tenantId)],
  [
    'users.deleteOfTenant',
    async ({ users }) => {
      const one = aUser();
      await users.insert(one);
      expect(await users.deleteOfTenant(one.tenantId, NOW_MS, 10)).toBe(1);
    },
  ],
  ['links.deleteOfProvider', ({ links }) => links.deleteOfProvider(link.identityProviderId, 10)],
  ['users.delete', ({ users }) => users.delete(user.id)],
];

/** SQLite scans a table, or an index from end to end; constants and rows made by the statement itself are none. */
const WHOLE_TABLE = {
  sqlite: /^SCAN (?!CONSTANT ROW|\(|gone\b|waiting\b)/,
  postgres: /Seq Scan/,
} as const;

describe('an index', () => {
  eachStore((kind, open, address) => {
    const asked: Asked[] = [];
    let connection: Connection;
    let store: Store;

    beforeAll(async () => {
      await open(); // makes the tables
      connection = kind === 'sqlite' ? openSqlite(address()) : await openPostgres(address());
      store = createStore(recording(connection, asked), new CatalogBodies(STORE_SEALER));
    });
    afterAll(() => connection.close());

    it.each(STEPS)('leads %s to its rows (GW-C15, issue 4 §6)', async (_what, run) => {
      asked.length = 0;
      await run(store);
      expect(asked.length).toBeGreaterThan(0);
      for (const { sql, values } of asked) {
        const plan = await connection.explain(sql, values);
        expect(plan.filter((line) => WHOLE_TABLE[kind].test(line))).toEqual([]);
      }
    });

    it('would be missed here: a statement without one is seen (issue 4 §6)', async () => {
      const plan = await connection.explain('SELECT id FROM users WHERE body = $1', ['x']);
      expect(plan.some((line) => WHOLE_TABLE[kind].test(line))).toBe(true);
    });

    it('begins with the columns of every foreign key (issue 4 §6)', async () => {
      expect(await connection.bareForeignKeys()).toEqual([]);
    });
  });
});
