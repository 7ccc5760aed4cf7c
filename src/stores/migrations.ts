/** The schema, as the ordered list of changes that lead to it. Applied ones never change: add another. */
import { ROW_NUMBER } from './driver.ts';

export interface Migration {
  readonly name: string;
  /** Portable SQL, one statement each. */
  readonly statements: readonly string[];
}

const CATALOG = [
  `CREATE TABLE catalog_objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, id))`,
  `CREATE TABLE catalog_names (
    what TEXT NOT NULL, value TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL,
    PRIMARY KEY (what, value),
    FOREIGN KEY (kind, object_id) REFERENCES catalog_objects (kind, id) ON DELETE CASCADE)`,
  'CREATE INDEX catalog_names_object ON catalog_names (kind, object_id)',
  'CREATE TABLE catalog_revision (id INTEGER PRIMARY KEY CHECK (id = 1), revision BIGINT NOT NULL)',
  'INSERT INTO catalog_revision (id, revision) VALUES (1, 0)',
];

const USERS = [
  `CREATE TABLE users (
    id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, email_key TEXT, username_key TEXT, body TEXT NOT NULL)`,
  'CREATE UNIQUE INDEX users_email ON users (email_key, tenant_id)',
  'CREATE UNIQUE INDEX users_username ON users (username_key, tenant_id)',
  `CREATE TABLE registrations (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, application_id TEXT NOT NULL,
    insert_instant BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (user_id, application_id))`,
  'CREATE INDEX registrations_application ON registrations (application_id)',
];

const REFRESH_TOKENS = [
  `CREATE TABLE refresh_tokens (
    id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, application_id TEXT,
    lookup TEXT NOT NULL, sealed_value TEXT NOT NULL, sequence BIGINT NOT NULL,
    start_instant BIGINT NOT NULL, insert_instant BIGINT NOT NULL, access_expires_instant BIGINT NOT NULL,
    auth_time_seconds BIGINT NOT NULL, authentication_type TEXT NOT NULL, meta_data TEXT NOT NULL)`,
  'CREATE UNIQUE INDEX refresh_tokens_lookup ON refresh_tokens (lookup)',
  'CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id, insert_instant)',
  'CREATE INDEX refresh_tokens_application ON refresh_tokens (application_id, start_instant)',
  'CREATE INDEX refresh_tokens_tenant ON refresh_tokens (tenant_id, insert_instant)',
  `CREATE TABLE retired_values (
    lookup TEXT PRIMARY KEY, token_id TEXT NOT NULL REFERENCES refresh_tokens (id) ON DELETE CASCADE,
    retired_instant BIGINT NOT NULL)`,
  'CREATE INDEX retired_values_token ON retired_values (token_id)',
  `CREATE TABLE revocations (
    sid TEXT PRIMARY KEY, until_instant BIGINT NOT NULL, revoked_instant BIGINT NOT NULL)`,
  'CREATE INDEX revocations_revoked ON revocations (revoked_instant)',
];

const LINKS = [
  `CREATE TABLE links (
    tenant_id TEXT NOT NULL, identity_provider_id TEXT NOT NULL, identity_provider_user_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, display_name TEXT,
    insert_instant BIGINT NOT NULL, last_login_instant BIGINT,
    PRIMARY KEY (tenant_id, identity_provider_id, identity_provider_user_id))`,
  'CREATE INDEX links_user ON links (user_id, identity_provider_id)',
  `CREATE TABLE pending_links (
    lookup TEXT PRIMARY KEY, expires_instant BIGINT NOT NULL, body TEXT NOT NULL)`,
  'CREATE INDEX pending_links_expires ON pending_links (expires_instant)',
];

const RECORDS = [
  `CREATE TABLE event_logs (
    id ${ROW_NUMBER}, insert_instant BIGINT NOT NULL, type TEXT NOT NULL,
    message TEXT NOT NULL, message_key TEXT NOT NULL)`,
  `CREATE TABLE login_records (
    position ${ROW_NUMBER}, tenant_id TEXT NOT NULL, user_id TEXT NOT NULL, application_id TEXT,
    ip_address TEXT, instant BIGINT NOT NULL)`,
  'CREATE INDEX login_records_user ON login_records (user_id, instant)',
  'CREATE INDEX login_records_instant ON login_records (instant)',
  `CREATE TABLE webhook_deliveries (
    position ${ROW_NUMBER}, id TEXT NOT NULL, webhook_id TEXT NOT NULL, event_id TEXT NOT NULL,
    sealed_body TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_attempt_instant BIGINT NOT NULL, insert_instant BIGINT NOT NULL)`,
  'CREATE UNIQUE INDEX webhook_deliveries_id ON webhook_deliveries (id)',
  'CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_instant)',
];

/**
 * Events wait in a queue of each webhook. The columns `attempts` and `next_attempt_instant` of deliveries stay for
 * processes of the version before, which may run beside this one for a while; nobody else reads them.
 */
const WEBHOOK_QUEUES = [
  `CREATE TABLE webhook_queues (
    webhook_id TEXT PRIMARY KEY, failures INTEGER NOT NULL, next_attempt_instant BIGINT NOT NULL)`,
  'CREATE INDEX webhook_deliveries_queue ON webhook_deliveries (webhook_id, position)',
];

/** What finds the users of a tenant and the links of a provider that are taken away; tenants whose users still are. */
const REMOVALS = [
  'CREATE INDEX users_tenant ON users (tenant_id, id)',
  'CREATE INDEX links_provider ON links (identity_provider_id)',
  'CREATE TABLE removed_tenants (id TEXT PRIMARY KEY, removed_instant BIGINT NOT NULL)',
];

/** A login changes no body then: whoever has read one can tell whether it changed since. Bodies of before hold theirs. */
const LOGIN_INSTANTS = [
  'ALTER TABLE users ADD COLUMN last_login_instant BIGINT',
  'ALTER TABLE registrations ADD COLUMN last_login_instant BIGINT',
];

const SIGNING_KEYS = [
  `CREATE TABLE signing_keys (
    id INTEGER PRIMARY KEY CHECK (id = 1), revision BIGINT NOT NULL, sealed_keys TEXT NOT NULL)`,
];

/** Not of tenants only. */
const REMOVALS_OF_KINDS = [
  `CREATE TABLE removals (
    kind TEXT NOT NULL, id TEXT NOT NULL, removed_instant BIGINT NOT NULL, PRIMARY KEY (kind, id))`,
  `INSERT INTO removals (kind, id, removed_instant)
    SELECT 'tenants', id, removed_instant FROM removed_tenants`,
  'DROP TABLE removed_tenants',
];

/** Remembers that configuration objects were sealed, or never stood in the clear. */
const SEALING = ['ALTER TABLE catalog_revision ADD COLUMN is_sealed INTEGER NOT NULL DEFAULT 0'];

/** Master keys under which something may be sealed, and the key of all look-ups: it outlasts the master key that seals it. */
const MASTER_KEYS = [
  'CREATE TABLE master_keys (id TEXT PRIMARY KEY, used_instant BIGINT NOT NULL, progress TEXT NOT NULL)',
  'CREATE TABLE lookup_keys (id INTEGER PRIMARY KEY CHECK (id = 1), sealed_key TEXT NOT NULL)',
];

/** Sessions that were issued from another one, with each of those before it; ancestors may be gone. */
const ISSUED_SESSIONS = [
  `CREATE TABLE issued_sessions (
    session_id TEXT NOT NULL REFERENCES refresh_tokens (id) ON DELETE CASCADE, ancestor_id TEXT NOT NULL,
    PRIMARY KEY (session_id, ancestor_id))`,
  'CREATE INDEX issued_sessions_ancestor ON issued_sessions (ancestor_id)',
];

export const MIGRATIONS: readonly Migration[] = [
  { name: 'first', statements: [...CATALOG, ...USERS, ...REFRESH_TOKENS, ...LINKS, ...RECORDS] },
  { name: 'queues of webhooks, removal of tenants', statements: [...WEBHOOK_QUEUES, ...REMOVALS] },
  { name: 'instants of logins', statements: LOGIN_INSTANTS },
  { name: 'signing keys of assertions', statements: SIGNING_KEYS },
  { name: 'removals of kinds', statements: REMOVALS_OF_KINDS },
  { name: 'sealing of configuration objects', statements: SEALING },
  { name: 'change of the master key', statements: MASTER_KEYS },
  { name: 'sessions issued from others', statements: ISSUED_SESSIONS },
];
