/** What operations write, as the fewest statements that do it: the bound that they are held against. */
import { randomUUID } from 'node:crypto';

type Value = string | number | null;

export interface Statement {
  /** By which PostgreSQL knows it once it is parsed. */
  readonly name: string;
  readonly sql: string;
  /** `row`: the id that the operation is about. */
  readonly values: (row: string) => readonly Value[];
}

const NOW_MS = Date.now();
const META_DATA = JSON.stringify({ device: { lastAccessedInstant: NOW_MS }, scopes: [] });
/** As long as what the service keeps. */
const SEALED = 'x'.repeat(115);
const BODY = JSON.stringify({
  email: 'user@bench.example',
  data: {},
  verified: true,
  roles: ['user'],
}).padEnd(400);

const INSERT_TOKEN = `INSERT INTO refresh_tokens (id, tenant_id, user_id, application_id, lookup, sealed_value, sequence,
  start_instant, insert_instant, access_expires_instant, auth_time_seconds, authentication_type, meta_data)
  VALUES ($1, 'bare', $2, 'bare', $3, $4, 0, $5, $5, $5, 0, 'PASSWORD', $6)`;
const tokenValues = (id: string, userId: string) => [id, userId, randomUUID(), SEALED, NOW_MS, META_DATA];

const SET_UP: readonly Statement[] = [
  {
    name: 'user',
    sql: `INSERT INTO users (id, tenant_id, email_key, username_key, body) VALUES ($1, 'bare', NULL, NULL, $2)`,
    values: (row) => [row, BODY],
  },
  {
    name: 'registration',
    sql: `INSERT INTO registrations (user_id, application_id, insert_instant, body) VALUES ($1, 'bare', $2, $3)`,
    values: (row) => [row, NOW_MS, BODY],
  },
  {
    name: 'link',
    sql: `INSERT INTO links (tenant_id, identity_provider_id, identity_provider_user_id, user_id, display_name,
      insert_instant, last_login_instant) VALUES ('bare', 'bare', $1, $1, NULL, $2, NULL)`,
    values: (row) => [row, NOW_MS],
  },
  { name: 'token', sql: INSERT_TOKEN, values: (row) => tokenValues(row, row) },
];

const TOUCH: Statement = {
  name: 'touch',
  sql: 'UPDATE refresh_tokens SET start_instant = $2, meta_data = $3, access_expires_instant = $2 WHERE id = $1',
  values: (row) => [row, NOW_MS, META_DATA],
};

const ROTATE: readonly Statement[] = [
  {
    name: 'rotate',
    sql: `UPDATE refresh_tokens SET start_instant = $2, meta_data = $3, access_expires_instant = $2, lookup = $4,
      sealed_value = $5, sequence = sequence + 1 WHERE id = $1`,
    values: (row) => [row, NOW_MS, META_DATA, randomUUID(), SEALED],
  },
  {
    name: 'retire',
    sql: 'INSERT INTO retired_values (lookup, token_id, retired_instant) VALUES ($1, $2, $3)',
    values: (row) => [randomUUID(), row, NOW_MS],
  },
];

/** Link, token, user, registration and login record. */
const LOGIN: readonly Statement[] = [
  {
    name: 'touch-link',
    sql: `UPDATE links SET last_login_instant = $2
      WHERE tenant_id = 'bare' AND identity_provider_id = 'bare' AND identity_provider_user_id = $1`,
    values: (row) => [row, NOW_MS],
  },
  { name: 'issue', sql: INSERT_TOKEN, values: (row) => tokenValues(randomUUID(), row) },
  { name: 'touch-user', sql: 'UPDATE users SET body = $2 WHERE id = $1', values: (row) => [row, BODY] },
  {
    name: 'touch-registration',
    sql: `UPDATE registrations SET body = $2 WHERE user_id = $1 AND application_id = 'bare'`,
    values: (row) => [row, BODY],
  },
  {
    name: 'login',
    sql: `INSERT INTO login_records (tenant_id, user_id, application_id, ip_address, instant)
      VALUES ('bare', $1, 'bare', '127.0.0.1', $2)`,
    values: (row) => [row, NOW_MS],
  },
];

/** By operation; those that are not here write nothing. `set-up`: the rows that the others are about. */
export const STATEMENTS: Readonly<Record<string, readonly Statement[]>> = {
  'set-up': SET_UP,
  'refresh-touch': [TOUCH],
  'refresh-rotate': ROTATE,
  reconcile: LOGIN,
};
