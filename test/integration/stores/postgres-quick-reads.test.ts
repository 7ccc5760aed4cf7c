import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuickReads } from '../../../src/stores/postgres/quick-reads.ts';
import { parsePostgresUrl } from '../../../src/stores/postgres/url.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { createPostgresDatabase, hasPostgres } from '../../support/postgres.ts';
import { silentLog } from '../../support/store.ts';

const STATEMENT_TIMEOUT_MS = 500;

describe.skipIf(!hasPostgres)('QuickReads', () => {
  let database: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let reads: QuickReads;
  const open = () => new QuickReads(parsePostgresUrl(database.url), STATEMENT_TIMEOUT_MS, silentLog);
  const number = async (value: number) => {
    const { rows } = await reads.query('SELECT CAST($1 AS INTEGER) AS number', [value]);
    return rows[0]?.['number'];
  };
  const pid = async () => (await reads.query('SELECT pg_backend_pid() AS pid')).rows[0]?.['pid'] ?? null;
  beforeAll(async () => {
    database = await createPostgresDatabase();
    reads = open();
  }, 60_000);
  afterAll(async () => {
    await reads.close();
    await database.drop();
  });

  it('gives each question its own answer, however many are under way on the one connection', async () => {
    const values = Array.from({ length: 1000 }, (_unused, index) => index);
    expect(await Promise.all(values.map(number))).toEqual(values);
    const pids = await Promise.all(values.slice(0, 50).map(pid));
    expect(new Set(pids).size).toBe(1);
  });

  it('fails a question that the server refuses, and none beside it', async () => {
    const [before, refused, after] = await Promise.allSettled([
      number(1),
      reads.query('SELECT 1 / 0'),
      number(2),
    ]);
    expect([before, after]).toMatchObject([{ value: 1 }, { value: 2 }]);
    expect(refused).toMatchObject({ reason: { message: 'PostgreSQL refused a statement (SQLSTATE 22012)' } });
  });

  it('T08 gives up a question that takes too long, and those behind it are answered', async () => {
    const slow = reads.query('SELECT pg_sleep(60)');
    const behind = number(3);
    await expect(slow).rejects.toThrow(StoreUnavailableError);
    expect(await behind).toBe(3);
  });

  it('T08 is unavailable to those under way when its connection breaks, and opens another', async () => {
    const before = await pid();
    const asked = [reads.query('SELECT pg_sleep(60)'), number(4), number(5)];
    const refused = asked.map((one) => expect(one).rejects.toThrow(StoreUnavailableError));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('SELECT pg_terminate_backend($1)', [before]);
    await client.end();
    await Promise.all(refused);
    expect(await number(6)).toBe(6);
    expect(await pid()).not.toBe(before);
  });

  it('is unavailable where there is no server, and once it is closed', async () => {
    const away = new QuickReads(
      parsePostgresUrl('postgres://nobody@127.0.0.1:1/none'),
      STATEMENT_TIMEOUT_MS,
      silentLog,
    );
    await expect(away.query('SELECT 1')).rejects.toThrow(StoreUnavailableError);
    await away.close();
    const closed = open();
    await closed.query('SELECT 1');
    await closed.close();
    await expect(closed.query('SELECT 1')).rejects.toThrow(StoreUnavailableError);
  });
});
