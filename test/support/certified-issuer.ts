/** npm's oidc-provider, which is certified, as the issuer of a realm: it makes the tokens and publishes the keys. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import type { TestKey } from './tokens.ts';

export interface CertifiedIssuer {
  readonly issuer: string;
  /** JWT access token (RFC 9068) of its token endpoint, by client credentials and resource indicator (RFC 8707). */
  accessToken(resource: string, scope?: string): Promise<string>;
  /** ID token for the same client, with nonce and at_hash. */
  idToken(accessToken: string): Promise<string>;
  /** From now on this key alone signs and is published. */
  rotateTo(key: TestKey): void;
  /** Requests to its key set so far. */
  keySetHits(): number;
  goDown(): Promise<void>;
}

const CLIENT = {
  client_id: 'reporter',
  client_secret: 'secret-of-the-reporter-client',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
};
/** Client credentials and JWT access tokens need no memory. */
const NOTHING_STORED = { find: () => Promise.resolve(undefined), upsert: () => Promise.resolve() };
const SCOPES = 'places:read places:write';

export async function startCertifiedIssuer(key: TestKey): Promise<CertifiedIssuer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let provider: Provider;
  let keySetHits = 0;
  const rotateTo = (next: TestKey) => {
    provider = new Provider(issuer, configuration(next));
    const serve = provider.callback();
    server.removeAllListeners('request').on('request', (request, response) => {
      if (request.url === '/jwks') keySetHits += 1;
      serve(request, response);
    });
  };
  rotateTo(key);
  return {
    issuer,
    rotateTo,
    keySetHits: () => keySetHits,
    accessToken: (resource, scope = SCOPES) => requestToken(issuer, resource, scope),
    idToken: (accessToken) => issueIdToken(provider, accessToken),
    goDown: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function configuration({ jwk, privateKey, alg }: TestKey): Record<string, unknown> {
  return {
    adapter: () => NOTHING_STORED,
    clients: [{ ...CLIENT, id_token_signed_response_alg: alg }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), ...jwk }] },
    scopes: ['openid', ...SCOPES.split(' ')],
    ttl: { ClientCredentials: 3600, IdToken: 3600 },
    extraTokenClaims: () => ({ groups: ['staff'] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, audience: string) => ({
          audience,
          scope: SCOPES,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
          jwt: { sign: { alg } },
        }),
      },
    },
  };
}

async function requestToken(issuer: string, resource: string, scope: string): Promise<string> {
  const { client_id, client_secret } = CLIENT;
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`token endpoint: ${answer.status} ${text}`);
  const { access_token: token }: { access_token: string } = JSON.parse(text);
  return token;
}

async function issueIdToken(provider: Provider, accessToken: string): Promise<string> {
  const client = await provider.Client.find(CLIENT.client_id);
  if (client === undefined) throw new Error('the client is configured');
  const idToken = new provider.IdToken({ sub: CLIENT.client_id }, { client });
  idToken.scope = 'openid';
  idToken.set('nonce', 'a-nonce');
  idToken.set('at_hash', accessToken);
  return await idToken.issue({ use: 'idtoken' });
}
