/** http-proxy with a keep-alive agent: forwards, and does nothing else. */
import { join } from 'node:path';
import { packageVersion } from '../packages.ts';
import type { Peer } from '../peer.ts';

export const httpProxy: Peer = {
  name: 'http-proxy',
  does: 'forwards only',
  verifies: false,
  mints: false,
  missing: () => null,
  version: () => packageVersion('http-proxy'),
  command: ({ port, upstreamPort }) => ({
    file: process.execPath,
    args: ['--disable-warning=DEP0060', join(import.meta.dirname, '../servers/http-proxy.ts')],
    env: { BENCH_PORT: `${port}`, BENCH_UPSTREAM: `http://127.0.0.1:${upstreamPort}` },
  }),
};
