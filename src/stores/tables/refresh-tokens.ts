/** Refresh tokens: rotation, use and revocation each under the lock of the token's row, so that one of them is first. */
import type { FoundRefreshToken, RefreshTokenRecord } from '../../tokens/refresh-token.ts';
import {
  DuplicateError,
  type RefreshTokenFilter,
  type RefreshTokenTable,
  type RefreshTokenUse,
} from '../../tokens/store.ts';
import type { Queries, Row, Value } from '../driver.ts';
import { integerOrNull } from '../row.ts';
import {
  INSERT_REFRESH_TOKEN,
  REFRESH_TOKEN_COLUMNS,
  refreshTokenOf,
  refreshTokenValues,
} from './refresh-token-row.ts';
import { endAccess, revokeRefreshTokens } from './revoke-refresh-tokens.ts';
import { USER_COLUMNS, userOf } from './users.ts';

const COLUMNS_OF_T = REFRESH_TOKEN_COLUMNS.replace(/\w+/g, 't.$&');

/** A present value or a retired one. `more`: further columns, of `joined` tables. */
function selectByLookup(more: string, joined: string): string {
  return `SELECT ${COLUMNS_OF_T}, NULL AS retired_instant${more} FROM refresh_tokens t ${joined} WHERE t.lookup = $1
    UNION ALL SELECT ${COLUMNS_OF_T}, r.retired_instant${more}
      FROM retired_values r JOIN refresh_tokens t ON t.id = r.token_id ${joined} WHERE r.lookup = $1`;
}

const FIND = selectByLookup('', '');
const FIND_WITH_USER = selectByLookup(`, ${USER_COLUMNS}`, 'JOIN users u ON u.id = t.user_id');

/** Those of the session that it was issued from, and that one. */
const NOTE_ANCESTORS = `INSERT INTO issued_sessions (session_id, ancestor_id)
  SELECT CAST($1 AS TEXT), ancestor_id FROM issued_sessions WHERE session_id = $2
  UNION ALL SELECT CAST($1 AS TEXT), CAST($2 AS TEXT)`;

async function insert(queries: Queries, record: RefreshTokenRecord): Promise<void> {
  const { count } = await queries.query(INSERT_REFRESH_TOKEN, refreshTokenValues(record));
  if (count === 0) throw new DuplicateError('refreshToken');
}

/** `$3` and what follows: a use. Access tokens already given keep their life. */
const SET_USE = `start_instant = $3, meta_data = $5,
  access_expires_instant = CASE WHEN access_expires_instant > $4 THEN access_expires_instant ELSE $4 END`;
const TOUCH = `UPDATE refresh_tokens SET ${SET_USE} WHERE id = $1 AND lookup = $2`;
const ROTATE = `UPDATE refresh_tokens SET ${SET_USE}, lookup = $6, sealed_value = $7, sequence = sequence + 1
  WHERE id = $1 AND lookup = $2`;

function useValues(id: string, lookup: string, use: RefreshTokenUse): Value[] {
  return [id, lookup, use.startInstant, use.accessExpiresInstant, JSON.stringify(use.metaData)];
}

function foundOf(row: Row): FoundRefreshToken {
  const record = refreshTokenOf(row);
  const retiredInstant = integerOrNull(row, 'retired_instant');
  return retiredInstant === null ? { use: 'current', record } : { use: 'retired', record, retiredInstant };
}

async function list(
  queries: Queries,
  { userId, tenantId }: Pick<RefreshTokenFilter, 'userId' | 'tenantId'>,
  maxCount: number,
): Promise<RefreshTokenRecord[]> {
  const given = Object.entries({ user_id: userId, tenant_id: tenantId }).flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, value }],
  );
  const conditions = given.map(({ column }, index) => `${column} = $${index + 2}`);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const { rows } = await queries.query(
    `SELECT ${REFRESH_TOKEN_COLUMNS} FROM refresh_tokens ${where}
     ORDER BY insert_instant DESC, id DESC LIMIT $1`,
    [maxCount, ...given.map(({ value }) => value)],
  );
  return rows.map(refreshTokenOf);
}

/** `$1` and `$2`: when it began at the latest, and now. */
const IS_OVER = 'start_instant < $1 AND access_expires_instant <= $2';

async function deleteStartedBefore(
  queries: Queries,
  ...[applicationId, startedBefore, nowMs, maxCount]: Parameters<RefreshTokenTable['deleteStartedBefore']>
): Promise<number> {
  const ofApplication = applicationId === null ? 'application_id IS NULL' : 'application_id = $4';
  const { count } = await queries.query(
    `DELETE FROM refresh_tokens WHERE ${IS_OVER} AND id IN (
       SELECT id FROM refresh_tokens WHERE ${ofApplication} AND ${IS_OVER} ORDER BY start_instant LIMIT $3)`,
    [startedBefore, nowMs, maxCount, ...(applicationId === null ? [] : [applicationId])],
  );
  return count;
}

const RETIRE = 'INSERT INTO retired_values (lookup, token_id, retired_instant)';
const ROTATE_AND_RETIRE = `WITH rotated AS (${ROTATE} RETURNING id)
  ${RETIRE} SELECT CAST($2 AS TEXT), id, CAST($8 AS BIGINT) FROM rotated`;

async function rotate(
  queries: Queries,
  ...[id, fromLookup, next, nowMs]: Parameters<RefreshTokenTable['rotate']>
): Promise<boolean> {
  const values = [...useValues(id, fromLookup, next), next.lookup, next.sealedValue];
  // One question instead of four: the row is locked for less long.
  if (queries.dialect === 'postgres')
    return (await queries.query(ROTATE_AND_RETIRE, [...values, nowMs], { isQuick: true })).count > 0;
  return await queries.changeAll([
    { sql: ROTATE, values },
    { sql: `${RETIRE} VALUES ($1, $2, $3)`, values: [fromLookup, id, nowMs] },
  ]);
}

export function refreshTokenTable(queries: Queries): RefreshTokenTable {
  return {
    insert: (record, issuedFrom) =>
      issuedFrom === undefined
        ? insert(queries, record)
        : queries.transaction(async (inside) => {
            await insert(inside, record);
            await inside.query(NOTE_ANCESTORS, [record.id, issuedFrom]);
          }),
    async get(id) {
      const { rows } = await queries.query(
        `SELECT ${REFRESH_TOKEN_COLUMNS} FROM refresh_tokens WHERE id = $1`,
        [id],
        { isQuick: true },
      );
      return rows[0] === undefined ? null : refreshTokenOf(rows[0]);
    },
    async find(lookup) {
      const { rows } = await queries.query(FIND, [lookup], { isQuick: true });
      return rows[0] === undefined ? null : foundOf(rows[0]);
    },
    async findWithUser(lookup) {
      const { rows } = await queries.query(FIND_WITH_USER, [lookup], { isQuick: true });
      return rows[0] === undefined ? null : { ...foundOf(rows[0]), user: userOf(rows[0]) };
    },
    list: (filter, maxCount) => list(queries, filter, maxCount),
    rotate: (id, fromLookup, next, nowMs) => rotate(queries, id, fromLookup, next, nowMs),
    async touch(id, lookup, use) {
      return (await queries.query(TOUCH, useValues(id, lookup, use), { isQuick: true })).count > 0;
    },
    revoke: (filter, nowMs) => revokeRefreshTokens(queries, filter, nowMs),
    endAccess: (filter, nowMs, until) => endAccess(queries, filter, nowMs, until),
    deleteStartedBefore: (...which) => deleteStartedBefore(queries, ...which),
  };
}
