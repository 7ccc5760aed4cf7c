/** What a unique index stands for in the API, in the spelling of each database. */
import { DuplicateError } from '../tokens/store.ts';

interface UniqueIndex {
  /** Name of the constraint or index on PostgreSQL. */
  readonly name: string;
  /** As SQLite's message lists it. */
  readonly columns: string;
  readonly what: string;
}

const UNIQUE_INDEXES: readonly UniqueIndex[] = [
  { name: 'users_pkey', columns: 'users.id', what: 'user.id' },
  { name: 'users_email', columns: 'users.email_key, users.tenant_id', what: 'user.email' },
  { name: 'users_username', columns: 'users.username_key, users.tenant_id', what: 'user.username' },
  {
    name: 'registrations_pkey',
    columns: 'registrations.user_id, registrations.application_id',
    what: 'registration',
  },
  { name: 'refresh_tokens_pkey', columns: 'refresh_tokens.id', what: 'refreshToken' },
  { name: 'refresh_tokens_lookup', columns: 'refresh_tokens.lookup', what: 'refreshToken' },
  { name: 'retired_values_pkey', columns: 'retired_values.lookup', what: 'refreshToken' },
  {
    name: 'links_pkey',
    columns: 'links.tenant_id, links.identity_provider_id, links.identity_provider_user_id',
    what: 'identityProviderLink',
  },
  { name: 'pending_links_pkey', columns: 'pending_links.lookup', what: 'pendingLink' },
  { name: 'webhook_deliveries_id', columns: 'webhook_deliveries.id', what: 'webhookDelivery' },
];

/** `constraint`: its name, or SQLite's list of columns. */
export function duplicate(constraint: string): DuplicateError {
  const index = UNIQUE_INDEXES.find(({ name, columns }) => name === constraint || columns === constraint);
  return new DuplicateError(index?.what ?? constraint);
}
