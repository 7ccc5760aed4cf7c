/** One login by a foreign token, once its application, its provider and its identity are known to be in order. */
import type { JsonObject } from '../core/json.ts';
import type { Application } from '../objects/application.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { MetaData } from '../objects/meta-data.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { type ServiceError, unauthorized } from '../tokens/failure.ts';
import { TokenRejectedError } from '../tokens/ports.ts';
import type { Scope, TokenService } from '../tokens/service.ts';
import { type ExternalIdentity, externalIdentity } from './external-identity.ts';
import { selectKeys } from './key-selection.ts';
import type { ForeignTokens } from './ports.ts';

export interface ReconcileInput {
  readonly applicationId: string;
  readonly identityProviderId: string;
  /** The foreign token: a compact JWS. */
  readonly token: string;
  /** As the caller says; it goes before the address that the call came from. */
  readonly ipAddress?: string | undefined;
  readonly metaData?: MetaData | undefined;
  /** The login is made, and no token. */
  readonly noJWT?: boolean | undefined;
  /** Nobody is linked: without a link there is no such user. */
  readonly noLink?: boolean | undefined;
  /** Nobody could finish a pending link: without a link there is no such user. */
  readonly noPendingLink?: boolean | undefined;
}

export interface LoginRequest {
  readonly catalog: Catalog;
  readonly application: Application;
  readonly provider: IdentityProvider;
  /** Of the token, verified. */
  readonly claims: JsonObject;
  readonly identity: ExternalIdentity;
  readonly ipAddress: string | null;
  readonly metaData: MetaData;
  readonly givesTokens: boolean;
  readonly mayLink: boolean;
  readonly mayPend: boolean;
}

/** @throws ServiceError 401, alike for every cause; 503 where the provider's key set cannot be had */
export async function openLogin(
  service: TokenService,
  tokens: ForeignTokens,
  input: ReconcileInput,
  scope: Scope,
): Promise<LoginRequest> {
  const catalog = service.catalog();
  const application = requireApplication(catalog, input.applicationId, scope);
  const provider = requireProvider(catalog, input.identityProviderId, application);
  const claims = await verifiedClaims(tokens, catalog, provider, input.token, service.clock());
  return {
    catalog,
    application,
    provider,
    claims,
    identity: externalIdentity(provider, claims),
    ipAddress: input.ipAddress ?? scope.ipAddress,
    metaData: input.metaData ?? { device: {} },
    givesTokens: input.noJWT !== true,
    mayLink: input.noLink !== true,
    mayPend: input.noPendingLink !== true,
  };
}

function requireApplication({ applications }: Catalog, id: string, { tenantId }: Scope): Application {
  const application = applications.get(id);
  if (application === undefined || (tenantId !== null && application.tenantId !== tenantId))
    throw unauthorized('[ExternalAuthenticationException]InvalidApplication');
  if (!application.active) throw unauthorized('The application is not active');
  return application;
}

function requireProvider(
  { identityProviders }: Catalog,
  id: string,
  application: Application,
): IdentityProvider {
  const provider = identityProviders.get(id);
  const tenantId = provider?.tenantId ?? application.tenantId;
  if (provider === undefined || tenantId !== application.tenantId)
    throw unauthorized('[ExternalAuthenticationException]InvalidIdentityProviderId');
  if (!provider.enabled) throw unauthorized('The identity provider is not enabled');
  if (provider.applicationConfiguration[application.id]?.enabled !== true)
    throw unauthorized('The identity provider is not enabled for the application');
  return provider;
}

async function verifiedClaims(
  tokens: ForeignTokens,
  catalog: Catalog,
  provider: IdentityProvider,
  token: string,
  nowMs: number,
): Promise<JsonObject> {
  try {
    const foreign = tokens.read(token);
    return await foreign.verify(selectKeys(catalog, provider, foreign.header), nowMs);
  } catch (error) {
    throw error instanceof TokenRejectedError ? rejected(error) : error;
  }
}

function rejected({ message }: TokenRejectedError): ServiceError {
  return unauthorized(`The token was not accepted: ${message}`);
}
