/** Peer: http-proxy behind a token check, with a fresh assertion for every request. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage } from 'node:http';
import httpProxy from 'http-proxy';
import { jwtVerify, SignJWT } from 'jose';
import { ASSERTION_KID, ISSUER } from '../fixtures.ts';

const { BENCH_PORT, BENCH_UPSTREAM, BENCH_PUBLIC_KEY, BENCH_PRIVATE_KEY, BENCH_ALGORITHM } = process.env;
const alg = BENCH_ALGORITHM ?? '';
const publicKey = createPublicKey(readFileSync(BENCH_PUBLIC_KEY ?? ''));
const privateKey = createPrivateKey(readFileSync(BENCH_PRIVATE_KEY ?? ''));
const proxy = httpProxy.createProxyServer({
  target: BENCH_UPSTREAM ?? '',
  agent: new Agent({ keepAlive: true }),
});

async function assertionFor(request: IncomingMessage): Promise<string> {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const { payload } = await jwtVerify(token, publicKey, { issuer: ISSUER, algorithms: [alg] });
  return await new SignJWT({ ...payload, iss: 'countersign' })
    .setProtectedHeader({ alg, kid: ASSERTION_KID, typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(privateKey);
}

createServer((request, response) => {
  assertionFor(request).then(
    (assertion) => {
      delete request.headers.authorization;
      request.headers['x-jwt-assertion'] = assertion;
      proxy.web(request, response, {}, () => response.writeHead(502).end());
    },
    () => response.writeHead(401).end(),
  );
}).listen(Number(BENCH_PORT), '127.0.0.1');
