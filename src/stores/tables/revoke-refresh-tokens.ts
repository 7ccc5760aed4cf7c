/** Revocation: tokens go, and what is left of their access tokens is remembered, in one step however many there are. */
import type { RefreshTokenFilter, RefreshTokenTable } from '../../tokens/store.ts';
import type { Queries, Row, Value } from '../driver.ts';
import { integer } from '../row.ts';
import { REFRESH_TOKEN_COLUMNS, refreshTokenOf } from './refresh-token-row.ts';

type Revoked = Awaited<ReturnType<RefreshTokenTable['revoke']>>;

/** Records given back: enough for the events of a user's sessions; the kill switch of an application needs none. */
const RECORDS_MAX = 1000;

const COLUMN_OF: readonly [keyof RefreshTokenFilter, string][] = [
  ['id', 'id'],
  ['userId', 'user_id'],
  ['applicationId', 'application_id'],
  ['tenantId', 'tenant_id'],
];

/** A revocation that is there already keeps the later end. */
const INSERT_REVOCATIONS = 'INSERT INTO revocations (sid, until_instant, revoked_instant)';
const KEEP_LATER = `ON CONFLICT (sid) DO UPDATE SET revoked_instant = excluded.revoked_instant,
  until_instant = CASE WHEN excluded.until_instant > revocations.until_instant
    THEN excluded.until_instant ELSE revocations.until_instant END`;
/** Never before one that is there: who read that one looks for later ones, and clocks of instances differ. */
const NEWEST = '(SELECT MAX(revoked_instant) FROM revocations)';
const REVOKED_INSTANT = `CASE WHEN ${NEWEST} > CAST($1 AS BIGINT) THEN ${NEWEST} ELSE CAST($1 AS BIGINT) END`;
const SELECT_REVOKED = `SELECT id, access_expires_instant, ${REVOKED_INSTANT}`;

interface Condition {
  /** With parameters from `$2`; `$1` is the time. */
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A session goes with those that were issued from it. */
function named(column: string, parameter: string): string {
  if (column !== 'id') return `= ${parameter}`;
  return `IN (SELECT CAST(${parameter} AS TEXT)
    UNION ALL SELECT session_id FROM issued_sessions WHERE ancestor_id = ${parameter})`;
}

/** @throws TypeError for an empty filter: it would name every token there is */
function conditionOf(filter: RefreshTokenFilter, nowMs: number): Condition {
  const given = COLUMN_OF.flatMap(([name, column]) => {
    const value = filter[name];
    return value === undefined ? [] : [{ column, value }];
  });
  if (given.length === 0) throw new TypeError('A revocation without a filter');
  return {
    sql: given.map(({ column }, index) => `${column} ${named(column, `$${index + 2}`)}`).join(' AND '),
    values: [nowMs, ...given.map(({ value }) => value)],
  };
}

/** One statement: rows that a rotation holds are waited for, and deleted as it left them. */
async function revokeOnPostgres(queries: Queries, { sql, values }: Condition): Promise<readonly Row[]> {
  const { rows } = await queries.query(
    `WITH gone AS (DELETE FROM refresh_tokens WHERE ${sql} RETURNING ${REFRESH_TOKEN_COLUMNS}),
      noted AS (${INSERT_REVOCATIONS} ${SELECT_REVOKED} FROM gone WHERE access_expires_instant > $1 ${KEEP_LATER})
     SELECT ${REFRESH_TOKEN_COLUMNS}, (SELECT COUNT(*) FROM gone) AS total FROM gone LIMIT ${RECORDS_MAX}`,
    values,
    { isLong: true },
  );
  return rows;
}

/** SQLite deletes in no WITH; its transaction is the only writer, so that several statements are one step. */
async function revokeOnSqlite(queries: Queries, { sql, values }: Condition): Promise<readonly Row[]> {
  const { rows } = await queries.query(
    `SELECT ${REFRESH_TOKEN_COLUMNS}, COUNT(*) OVER () AS total FROM refresh_tokens
     WHERE ${sql} LIMIT ${RECORDS_MAX}`,
    values,
  );
  if (rows.length === 0) return rows;
  const [nowMs, ...named] = values;
  await noteRevocations(queries, Number(nowMs), { sql, values: named });
  await queries.query(`DELETE FROM refresh_tokens WHERE ${sql}`, values);
  return rows;
}

/**
 * What is just being issued from a session holds the lock of its row, and shows once that is waited for: to another
 * statement, on PostgreSQL.
 */
async function revokeFamilyOnPostgres(queries: Queries, condition: Condition): Promise<readonly Row[]> {
  const gone: Row[] = [];
  let total = 0;
  let round: readonly Row[];
  do {
    round = await revokeOnPostgres(queries, condition);
    gone.push(...round);
    total += round[0] === undefined ? 0 : integer(round[0], 'total');
  } while (round.length > 0);
  return gone.map((row) => ({ ...row, total }));
}

function wayOf(dialect: Queries['dialect'], { id }: RefreshTokenFilter): typeof revokeOnSqlite {
  if (dialect === 'sqlite') return revokeOnSqlite;
  return id === undefined ? revokeOnPostgres : revokeFamilyOnPostgres;
}

/** See RefreshTokenTable.revoke. */
export function revokeRefreshTokens(
  queries: Queries,
  filter: RefreshTokenFilter,
  nowMs: number,
): Promise<Revoked> {
  const condition = conditionOf(filter, nowMs);
  return queries.transaction(async (inside) => {
    const rows = await wayOf(inside.dialect, filter)(inside, condition);
    if (rows[0] === undefined) return { count: 0, records: [] };
    await inside.notify();
    return { count: integer(rows[0], 'total'), records: rows.map(refreshTokenOf) };
  });
}

/**
 * Records the revocation of tokens that are about to go, within the transaction that deletes them.
 *
 * @param condition with parameters from `$2`
 */
export async function noteRevocations(
  queries: Queries,
  nowMs: number,
  { sql, values }: { readonly sql: string; readonly values: readonly Value[] },
): Promise<void> {
  await queries.query(
    `${INSERT_REVOCATIONS} ${SELECT_REVOKED} FROM refresh_tokens
     WHERE ${sql} AND access_expires_instant > $1 ${KEEP_LATER}`,
    [nowMs, ...values],
  );
}

/** See RefreshTokenTable.endAccess. */
export function endAccess(
  queries: Queries,
  filter: RefreshTokenFilter,
  nowMs: number,
  until: number,
): Promise<void> {
  const { sql, values } = conditionOf(filter, nowMs);
  const least = `CAST($${values.length + 1} AS BIGINT)`;
  const end = `CASE WHEN access_expires_instant > ${least} THEN access_expires_instant ELSE ${least} END`;
  return queries.transaction(async (inside) => {
    await inside.query(
      `${INSERT_REVOCATIONS} SELECT id, ${end}, ${REVOKED_INSTANT} FROM refresh_tokens WHERE ${sql} ${KEEP_LATER}`,
      [...values, until],
    );
    await inside.notify();
  });
}
