/** A backend that knows its callers by X-JWT-Assertion alone. Run it with Node 24: `node server.ts`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { GATEWAY = 'http://127.0.0.1:8080', HOST = '127.0.0.1', PORT = '9000' } = process.env;
/** Whose assertions, and for whom: `assertion.issuer` of the gateway, and the application name of the route. */
const { ISSUER: issuer = 'countersign', AUDIENCE: audience = 'app' } = process.env;

/** The gateway's public keys: fetched when first needed, remembered, fetched again when a new key signs. */
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', GATEWAY));

/** The caller. Rejects without an assertion that was signed by the gateway, for this backend, and is not over. */
async function endUser(request: IncomingMessage): Promise<string> {
  const assertion = request.headers['x-jwt-assertion'];
  if (typeof assertion !== 'string') throw new errors.JWTInvalid('no assertion');
  const expected = { issuer, audience, algorithms: ['RS256'], requiredClaims: ['exp'] };
  const { payload } = await jwtVerify(assertion, keys, expected);
  return String(payload['http://wso2.org/claims/enduser']);
}

/** What jose reports when the keys could not be fetched: that says nothing about the caller. */
const KEYS_UNAVAILABLE = ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'];

function statusOf(error: unknown): number {
  return error instanceof errors.JOSEError && !KEYS_UNAVAILABLE.includes(error.code) ? 401 : 503;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    response.end(`Hello ${await endUser(request)}\n`);
  } catch (error) {
    console.error(`refused: ${error instanceof Error ? error.message : 'unknown'}`);
    response.writeHead(statusOf(error)).end();
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(PORT), HOST, () => console.log(JSON.stringify(server.address())));
