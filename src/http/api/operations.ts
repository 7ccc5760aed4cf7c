/** Every operation of the API, in the order of docs/openapi.json. */
import { CONFIGURATION_OPERATIONS } from './configuration-objects.ts';
import { EVENT_LOG_OPERATIONS } from './event-logs.ts';
import { IDENTITY_PROVIDER_OPERATIONS } from './identity-providers.ts';
import { JWT_OPERATIONS } from './jwt.ts';
import { KEY_OPERATIONS } from './keys.ts';
import { LINK_OPERATIONS } from './links.ts';
import { LOGIN_OPERATIONS } from './login.ts';
import { OAUTH_OPERATIONS } from './oauth.ts';
import { OAUTH_METADATA_OPERATIONS } from './oauth-metadata.ts';
import type { Operation } from './operation.ts';
import { RECONCILE_OPERATIONS } from './reconcile.ts';
import { REFRESH_OPERATIONS } from './refresh.ts';
import { REGISTRATION_OPERATIONS } from './registrations.ts';
import { USER_CLAIM_OPERATIONS } from './user-claims.ts';
import { USER_OPERATIONS } from './users.ts';

export const OPERATIONS: readonly Operation[] = [
  ...LOGIN_OPERATIONS,
  ...RECONCILE_OPERATIONS,
  ...REFRESH_OPERATIONS,
  ...JWT_OPERATIONS,
  ...USER_OPERATIONS,
  ...USER_CLAIM_OPERATIONS,
  ...REGISTRATION_OPERATIONS,
  ...IDENTITY_PROVIDER_OPERATIONS,
  ...LINK_OPERATIONS,
  ...OAUTH_OPERATIONS,
  ...OAUTH_METADATA_OPERATIONS,
  ...EVENT_LOG_OPERATIONS,
  ...KEY_OPERATIONS,
  ...CONFIGURATION_OPERATIONS,
];
