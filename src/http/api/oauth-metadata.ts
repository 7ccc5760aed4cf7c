/** RFC 8414: where the standard endpoints of a tenant are, for tenants whose issuer is a URL. */
import { z } from 'zod';
import type { Tenant } from '../../objects/tenant.ts';
import { notFound } from '../../tokens/failure.ts';
import { json } from './answer.ts';
import type { Call } from './call.ts';
import { TOKEN_EXCHANGE } from './oauth.ts';
import { operation } from './operation.ts';

const PATH = '/.well-known/oauth-authorization-server';

const metadata = z
  .object({
    issuer: z.url(),
    token_endpoint: z.url(),
    introspection_endpoint: z.url(),
    revocation_endpoint: z.url(),
    jwks_uri: z.url(),
    grant_types_supported: z.array(z.string()),
    response_types_supported: z.array(z.string()),
    token_endpoint_auth_methods_supported: z.array(z.string()),
    revocation_endpoint_auth_methods_supported: z.array(z.string()),
    introspection_endpoint_auth_methods_supported: z.array(z.string()),
  })
  .meta({ id: 'AuthorizationServerMetadata' });

/** The tenant whose issuer ends in this path (RFC 8414 §3.1). @throws ServiceError 404 */
function tenantAt({ service, scope }: Call, path: string): { tenant: Tenant; issuer: URL } {
  for (const tenant of service.catalog().tenants.values()) {
    const issuer = URL.parse(tenant.issuer);
    if (issuer === null || !/^https?:$/.test(issuer.protocol)) continue;
    if (issuer.pathname.replace(/\/$/, '') !== path) continue;
    if (scope.tenantId === null || scope.tenantId === tenant.id) return { tenant, issuer };
  }
  throw notFound('issuer');
}

function metadataOf(call: Call, path: string): z.output<typeof metadata> {
  const { tenant, issuer } = tenantAt(call, path);
  const at = (target: string) => new URL(target, issuer.origin).href;
  return {
    issuer: tenant.issuer,
    token_endpoint: at('/oauth2/token'),
    introspection_endpoint: at('/oauth2/introspect'),
    revocation_endpoint: at('/oauth2/revoke'),
    jwks_uri: at('/.well-known/jwks.json'),
    grant_types_supported: ['refresh_token', TOKEN_EXCHANGE],
    // RFC 8414 §2 requires the member; there is no authorization endpoint, so it is empty.
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
  };
}

const common = {
  method: 'GET',
  tag: 'OAuth',
  auth: 'none',
  answers: { 200: { description: 'The metadata.', schema: metadata } },
} as const;

export const OAUTH_METADATA_OPERATIONS = [
  operation({
    ...common,
    path: PATH,
    operationId: 'oauthMetadata',
    summary: 'Shows where the standard endpoints are (RFC 8414), for an issuer without path.',
    request: {},
    handle: async (call) => json(200, metadataOf(call, '')),
  }),
  operation({
    ...common,
    path: `${PATH}/{issuerPath}`,
    operationId: 'oauthMetadataOfPath',
    summary: 'The same for an issuer with this path.',
    request: { params: z.object({ issuerPath: z.string() }) },
    handle: async (call, { params }) => json(200, metadataOf(call, `/${params.issuerPath}`)),
  }),
];
