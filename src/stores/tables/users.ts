/** Users as JSON, found by id and by e-mail address or username in lower case; registrations in rows of their own. */
import type { Registration, User } from '../../objects/user.ts';
import type { UserTable } from '../../tokens/store.ts';
import type { Queries, Row, Value } from '../driver.ts';
import { body, integerOrNull, text, textOrNull } from '../row.ts';
import { deleteUser, deleteUsersOfTenant } from './delete-users.ts';

/** Of a user `u`: one row, with its registrations in the order in which they were made, each beside its last login. */
export const USER_COLUMNS = `u.body AS user_body, u.last_login_instant AS user_login,
  (SELECT string_agg('[' || g.body || ',' || COALESCE(CAST(g.last_login_instant AS TEXT), 'null') || ']', ','
      ORDER BY g.insert_instant, g.application_id)
    FROM registrations g WHERE g.user_id = u.id) AS user_registrations`;

const INSERT_REGISTRATION = `INSERT INTO registrations (user_id, application_id, insert_instant, body, last_login_instant)
  VALUES ($1, $2, $3, $4, $5)`;

const DELETE_SOME_REGISTRATIONS = `DELETE FROM registrations WHERE application_id = $1 AND user_id IN (
  SELECT user_id FROM registrations WHERE application_id = $1 LIMIT $2)`;

/** Undefined: none, which is not compared with anything. */
function key(name: string | undefined): string | null {
  return name === undefined ? null : name.toLowerCase();
}

/** From the columns `USER_COLUMNS`. */
export function userOf(row: Row): User {
  const registrations: readonly [Registration, number | null][] = JSON.parse(
    `[${textOrNull(row, 'user_registrations') ?? ''}]`,
  );
  return {
    ...withLogin(body<User>(row, 'user_body'), integerOrNull(row, 'user_login')),
    registrations: registrations.map(([registration, login]) => withLogin(registration, login)),
  };
}

/** Bodies of the first schema hold the instant themselves, until they are written again. */
function withLogin<Owner extends User | Registration>(owner: Owner, instant: number | null): Owner {
  return { ...owner, lastLoginInstant: instant ?? owner.lastLoginInstant ?? null };
}

/** In the order of the columns id, tenant_id, email_key, username_key, body, last_login_instant. */
function columnsOf({ registrations: _, lastLoginInstant, ...user }: User): Value[] {
  const { id, tenantId, email, username } = user;
  return [id, tenantId, key(email), key(username), JSON.stringify(user), lastLoginInstant];
}

function registrationColumns(userId: string, { lastLoginInstant, ...registration }: Registration): Value[] {
  const { applicationId, insertInstant } = registration;
  return [userId, applicationId, insertInstant, JSON.stringify(registration), lastLoginInstant];
}

async function findUser(queries: Queries, condition: string, values: readonly Value[]): Promise<User | null> {
  const { rows } = await queries.query(`SELECT ${USER_COLUMNS} FROM users u WHERE ${condition}`, values, {
    isQuick: true,
  });
  return rows[0] === undefined ? null : userOf(rows[0]);
}

async function insertUser(queries: Queries, user: User): Promise<void> {
  await queries.query(
    `INSERT INTO users (id, tenant_id, email_key, username_key, body, last_login_instant)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    columnsOf(user),
  );
  for (const registration of user.registrations)
    await queries.query(INSERT_REGISTRATION, registrationColumns(user.id, registration));
}

export function userTable(queries: Queries): UserTable {
  const changes = async (sql: string, values: readonly Value[]) =>
    (await queries.query(sql, values)).count > 0;
  return {
    async get(id, options) {
      // A statement of its own: what is read after it shows the changes that it waited for. SQLite has one writer at a time.
      if (options?.lock && queries.dialect === 'postgres')
        await queries.query('SELECT id FROM users WHERE id = $1 FOR UPDATE', [id]);
      return findUser(queries, 'u.id = $1', [id]);
    },
    findByEmail: (tenantId, email) =>
      findUser(queries, 'u.email_key = $1 AND u.tenant_id = $2', [email.toLowerCase(), tenantId]),
    findByUsername: (tenantId, username) =>
      findUser(queries, 'u.username_key = $1 AND u.tenant_id = $2', [username.toLowerCase(), tenantId]),
    async tenantsOf(loginId) {
      const { rows } = await queries.query(
        `SELECT tenant_id FROM users WHERE email_key = $1
         UNION SELECT tenant_id FROM users WHERE username_key = $1`,
        [loginId.toLowerCase()],
      );
      return rows.map((row) => text(row, 'tenant_id'));
    },
    insert: (user) =>
      user.registrations.length === 0
        ? insertUser(queries, user)
        : queries.transaction((inside) => insertUser(inside, user)),
    update: (user) =>
      changes(
        `UPDATE users SET tenant_id = $2, email_key = $3, username_key = $4, body = $5, last_login_instant = $6
         WHERE id = $1`,
        columnsOf(user),
      ),
    delete: (id) => deleteUser(queries, id),
    async hasAnyOf(tenantId) {
      const { rows } = await queries.query('SELECT id FROM users WHERE tenant_id = $1 LIMIT 1', [tenantId]);
      return rows.length > 0;
    },
    deleteOfTenant: (tenantId, nowMs, maxCount) => deleteUsersOfTenant(queries, tenantId, nowMs, maxCount),
    async insertRegistration(userId, registration) {
      await queries.query(INSERT_REGISTRATION, registrationColumns(userId, registration));
    },
    updateRegistration: (userId, registration) =>
      changes(
        `UPDATE registrations SET insert_instant = $3, body = $4, last_login_instant = $5
         WHERE user_id = $1 AND application_id = $2`,
        registrationColumns(userId, registration),
      ),
    deleteRegistration: (userId, applicationId) =>
      changes('DELETE FROM registrations WHERE user_id = $1 AND application_id = $2', [
        userId,
        applicationId,
      ]),
    async deleteRegistrationsOf(applicationId, maxCount) {
      return (await queries.query(DELETE_SOME_REGISTRATIONS, [applicationId, maxCount])).count;
    },
  };
}
