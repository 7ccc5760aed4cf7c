/** @fastify/http-proxy with @fastify/jwt: verifies and signs for every request. */
import { join } from 'node:path';
import { packageVersion } from '../packages.ts';
import type { Peer } from '../peer.ts';

export const fastify: Peer = {
  name: 'fastify',
  does: 'verifies and signs for every request',
  verifies: true,
  mints: true,
  missing: () => null,
  version: () => ['fastify', '@fastify/http-proxy', '@fastify/jwt'].map(packageVersion).join(', '),
  command: ({ port, upstreamPort, files, family }) => ({
    file: process.execPath,
    args: [join(import.meta.dirname, '../servers/fastify.ts')],
    env: {
      BENCH_PORT: `${port}`,
      BENCH_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
      BENCH_PUBLIC_KEY: files.issuerPublic,
      BENCH_PRIVATE_KEY: files.assertionPrivate,
      BENCH_ALGORITHM: family,
    },
  }),
};
