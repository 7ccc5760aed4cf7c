/** Logins of linked users: found in one look, written in one question while nothing of what was seen has changed. */
import type { LinkedLogin, LinkedUser, LoginTable } from '../../tokens/linked-login.ts';
import type { Queries, Statement, Value } from '../driver.ts';
import { integer, integerOrNull, text, textOrNull } from '../row.ts';
import { INSERT_REFRESH_TOKEN, INSERT_UNRETIRED_TOKEN, refreshTokenValues } from './refresh-token-row.ts';
import { USER_COLUMNS, userOf } from './users.ts';

const IS_LINK = 'l.tenant_id = $1 AND l.identity_provider_id = $2 AND l.identity_provider_user_id = $3';

/** Not what the caller has said, nor what the user's own row says. */
const FIND = `SELECT l.display_name, l.insert_instant, l.last_login_instant, ${USER_COLUMNS}, r.body AS seen_registration
  FROM links l JOIN users u ON u.id = l.user_id
  LEFT JOIN registrations r ON r.user_id = u.id AND r.application_id = $4
  WHERE ${IS_LINK}`;

/*
 * What follows is given the same values in all statements: `$1` to `$3` the link, `$4` the application, `$5` the user,
 * `$6` and `$7` user and registration as they were seen, `$8` the instant, `$9` the address, then those of the token.
 */

/**
 * The user is still linked; user and registration are as they were seen, but for instants of logins. PostgreSQL locks in
 * the order of the tables here: the user first, as every other change does.
 */
const IS_AS_SEEN = `SELECT u.id FROM users u JOIN links l ON l.user_id = u.id JOIN registrations r ON r.user_id = u.id
  WHERE ${IS_LINK} AND r.application_id = $4 AND u.id = $5 AND u.body = $6 AND r.body = $7`;

const IS_UNRETIRED = 'NOT EXISTS (SELECT 1 FROM retired_values v WHERE v.lookup = $14)';

const TOUCH_USER = 'UPDATE users SET last_login_instant = $8 WHERE id = $5';
const TOUCHES = [
  'UPDATE registrations SET last_login_instant = $8 WHERE user_id = $5 AND application_id = $4',
  `UPDATE links SET last_login_instant = $8
    WHERE tenant_id = $1 AND identity_provider_id = $2 AND identity_provider_user_id = $3`,
];
const LOGIN_RECORD = 'INSERT INTO login_records (tenant_id, user_id, application_id, ip_address, instant)';

function shifted(sql: string, by: number): string {
  return sql.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + by}`);
}

/** The condition for all, and the changes. */
interface Login {
  readonly condition: string;
  readonly changes: readonly string[];
}

/**
 * Of PostgreSQL. All parts see the database as it was at the beginning, but what the condition locks it looks at again
 * where others have changed it meanwhile (postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED). Each
 * change ends in its WHERE.
 */
function asOneStatement({ condition, changes }: Login): string {
  const parts = changes.map(
    (change, index) => `change_${index} AS (${change} AND EXISTS (SELECT 1 FROM seen))`,
  );
  return `WITH seen AS (${condition} FOR UPDATE), ${parts.join(', ')} SELECT id FROM seen`;
}

const RECORD_SELECTED = `${LOGIN_RECORD}
  SELECT CAST($1 AS TEXT), CAST($5 AS TEXT), CAST($4 AS TEXT), CAST($9 AS TEXT), CAST($8 AS BIGINT) WHERE TRUE`;
const SELECTED = [TOUCH_USER, ...TOUCHES, RECORD_SELECTED];
const ONE_STATEMENT = {
  login: asOneStatement({ condition: IS_AS_SEEN, changes: SELECTED }),
  withToken: asOneStatement({
    condition: `${IS_AS_SEEN} AND ${IS_UNRETIRED}`,
    changes: [...SELECTED, shifted(INSERT_REFRESH_TOKEN, 9)],
  }),
};

/** A statement with values of its own, and which of those of all they are, from 1 on. */
interface Step {
  readonly sql: string;
  readonly numbers: readonly number[];
}

/**
 * Of SQLite, which has one writer at a time: the first statement decides for all. Rows are inserted as VALUES: for those
 * of a SELECT, which may be many, SQLite keeps a copy of each page that they change, and reads on in tables that refer
 * to theirs (sqlite.org/src, `sqlite3FkCheck`). That is twice what the insertion costs.
 */
function inTurn({ condition, changes }: Login): readonly Step[] {
  return [`${TOUCH_USER} AND EXISTS (${condition})`, ...changes].map(stepOf);
}

function stepOf(sql: string): Step {
  const names = [...new Set(sql.match(/\$\d+/g))];
  return {
    sql: sql.replace(/\$\d+/g, (name) => `$${names.indexOf(name) + 1}`),
    numbers: names.map((name) => Number(name.slice(1))),
  };
}

const GIVEN = [...TOUCHES, `${LOGIN_RECORD} VALUES ($1, $5, $4, $9, $8)`];
const IN_TURN = {
  login: inTurn({ condition: IS_AS_SEEN, changes: GIVEN }),
  withToken: inTurn({
    condition: `${IS_AS_SEEN} AND ${IS_UNRETIRED}`,
    changes: [...GIVEN, shifted(INSERT_UNRETIRED_TOKEN, 9)],
  }),
};

async function find(
  queries: Queries,
  ...[tenantId, identityProviderId, identityProviderUserId, applicationId]: Parameters<LoginTable['find']>
): Promise<LinkedUser | null> {
  const values = [tenantId, identityProviderId, identityProviderUserId, applicationId];
  const [row] = (await queries.query(FIND, values, { isQuick: true })).rows;
  if (row === undefined) return null;
  const seen = { user: text(row, 'user_body'), registration: textOrNull(row, 'seen_registration') };
  const user = userOf(row);
  const link = {
    tenantId,
    identityProviderId,
    identityProviderUserId,
    userId: user.id,
    displayName: textOrNull(row, 'display_name'),
    insertInstant: integer(row, 'insert_instant'),
    lastLoginInstant: integerOrNull(row, 'last_login_instant'),
  };
  return { link, user, applicationId, seen };
}

function valuesOf({ linked: { link, user, applicationId, seen }, ...login }: LinkedLogin): Value[] {
  return [
    link.tenantId,
    link.identityProviderId,
    link.identityProviderUserId,
    applicationId,
    user.id,
    seen.user,
    seen.registration,
    login.instant,
    login.ipAddress,
    ...(login.refreshToken === null ? [] : refreshTokenValues(login.refreshToken)),
  ];
}

async function record(queries: Queries, login: LinkedLogin): Promise<boolean> {
  const which = login.refreshToken === null ? 'login' : 'withToken';
  const values = valuesOf(login);
  if (queries.dialect === 'postgres')
    return (await queries.query(ONE_STATEMENT[which], values, { isQuick: true })).count > 0;
  return await queries.changeAll(IN_TURN[which].map((step) => statementOf(step, values)));
}

function statementOf({ sql, numbers }: Step, values: readonly Value[]): Statement {
  return { sql, values: numbers.map((number) => values[number - 1] ?? null) };
}

export function loginTable(queries: Queries): LoginTable {
  return {
    find: (...identity) => find(queries, ...identity),
    record: (login) => record(queries, login),
  };
}
