/** From header and cookie to who calls: the credential of a request and its tenant, as the use case wants them. */
import { CountersignError } from '../../core/errors.ts';
import { type HeaderList, headerValues } from '../../core/headers.ts';
import { uuid } from '../../objects/values.ts';
import {
  type Authenticated,
  authenticate,
  type Caller,
  type Credential,
  credentialOf,
} from '../../tokens/authenticate.ts';
import { badField, unauthorized } from '../../tokens/failure.ts';
import type { TokenService } from '../../tokens/service.ts';
import type { TokenCookies } from './cookies.ts';
import type { Operation } from './operation.ts';

const TENANT_HEADER = 'X-FusionAuth-TenantId';
const tenantId = uuid();

export interface CallerInput {
  readonly operation: Pick<Operation, 'auth' | 'method' | 'path' | 'needsAllTenants' | 'acceptsBasic'>;
  readonly headers: HeaderList;
  readonly cookies: TokenCookies;
  readonly address: string;
}

export interface Identified extends Authenticated {
  readonly credential: Credential | null;
}

/**
 * @throws ServiceError 401, alike for every cause; 400 for a tenant header that is no UUID
 * @throws CountersignError ambiguous_credentials
 */
export async function identify(
  service: TokenService,
  { operation, headers, cookies, address }: CallerInput,
): Promise<Identified> {
  const authorization = authorizationOf(headers);
  const secret = operation.acceptsBasic === true ? basicSecretOf(authorization) : null;
  const credential = credentialOf(secret ?? authorization, cookies.accessToken);
  const call = { credential, tenantId: tenantOf(headers), ipAddress: address };
  const { method, auth: authentication } = operation;
  const endpoint = endpointOf(operation);
  const authenticated = await authenticate(service, call, { method, endpoint, authentication });
  if (operation.needsAllTenants === true && isBoundToTenant(authenticated.caller))
    throw unauthorized('The API key is bound to a tenant');
  return { ...authenticated, credential };
}

/** The header X-FusionAuth-TenantId binds nothing: who sends it can leave it out. */
function isBoundToTenant(caller: Caller | null): boolean {
  return caller?.kind === 'apiKey' && (caller.apiKey.tenantId ?? null) !== null;
}

function authorizationOf(headers: HeaderList): string | null {
  const values = headerValues(headers, 'authorization');
  if (values.length > 1) throw new CountersignError('ambiguous_credentials', 'several Authorization headers');
  return values[0] ?? null;
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. Null: it is not Basic, or not in order. */
function basicSecretOf(authorization: string | null): string | null {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const [, secret] = /^[^:]*:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  try {
    return secret === undefined ? null : decodeURIComponent(secret.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

function tenantOf(headers: HeaderList): string | null {
  const values = headerValues(headers, TENANT_HEADER.toLowerCase());
  if (values.length === 0) return null;
  const parsed = tenantId.safeParse(values[0]);
  if (values.length > 1 || !parsed.success)
    throw badField(TENANT_HEADER, 'invalid', 'The header must be one UUID');
  return parsed.data;
}

/** As the permissions of API keys name it: without what varies. */
export function endpointOf({ path }: Pick<Operation, 'path'>): string {
  return path.replaceAll(/\/\{\w+\}/g, '');
}
