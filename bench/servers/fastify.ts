/** Peer: @fastify/http-proxy behind @fastify/jwt, with a fresh assertion for every request. */
import { readFileSync } from 'node:fs';
import httpProxy from '@fastify/http-proxy';
import jwt from '@fastify/jwt';
import fastify from 'fastify';
import { ASSERTION_KID, ISSUER } from '../fixtures.ts';

const { BENCH_PORT, BENCH_UPSTREAM, BENCH_PUBLIC_KEY, BENCH_PRIVATE_KEY, BENCH_ALGORITHM } = process.env;
const algorithm = BENCH_ALGORITHM === 'ES256' ? 'ES256' : 'RS256';
const app = fastify({ bodyLimit: 2 ** 31 });

await app.register(jwt, {
  secret: {
    public: readFileSync(BENCH_PUBLIC_KEY ?? '', 'utf8'),
    private: readFileSync(BENCH_PRIVATE_KEY ?? '', 'utf8'),
  },
  verify: { allowedIss: ISSUER, algorithms: [algorithm] },
});
await app.register(httpProxy, {
  upstream: BENCH_UPSTREAM ?? '',
  preHandler: (request, _reply, done) => {
    request.jwtVerify().then(() => done(), done);
  },
  replyOptions: {
    rewriteRequestHeaders: ({ user }, headers) => {
      const { authorization: _, ...kept } = headers;
      const claims = typeof user === 'object' && !Buffer.isBuffer(user) ? user : {};
      const options = { algorithm, kid: ASSERTION_KID, expiresIn: '5m' } as const;
      return { ...kept, 'x-jwt-assertion': app.jwt.sign({ ...claims, iss: 'countersign' }, options) };
    },
  },
});
await app.listen({ port: Number(BENCH_PORT), host: '127.0.0.1' });
