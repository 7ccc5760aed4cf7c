/** What one writes by hand: http-proxy, and jose to verify and to sign, for every request. */
import { join } from 'node:path';
import { packageVersion } from '../packages.ts';
import type { Peer } from '../peer.ts';

export const httpProxyJose: Peer = {
  name: 'http-proxy + jose',
  does: 'verifies and signs for every request',
  verifies: true,
  mints: true,
  missing: () => null,
  version: () => `${packageVersion('http-proxy')}, ${packageVersion('jose')}`,
  command: ({ port, upstreamPort, files, family }) => ({
    file: process.execPath,
    args: ['--disable-warning=DEP0060', join(import.meta.dirname, '../servers/http-proxy-jose.ts')],
    env: {
      BENCH_PORT: `${port}`,
      BENCH_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
      BENCH_PUBLIC_KEY: files.issuerPublic,
      BENCH_PRIVATE_KEY: files.assertionPrivate,
      BENCH_ALGORITHM: family,
    },
  }),
};
