/** Ourselves, as shipped: access log on (to a file), metrics on, one route for each service. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ASSERTION_KID, ISSUER, ISSUER_KID } from '../fixtures.ts';
import type { Peer, Setup } from '../peer.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A folder for `--cpu-prof`, or nothing. */
const profileFolder = process.env['BENCH_PROFILE'];

export const countersign: Peer = checkout('countersign', ROOT);

/** Another checkout of ourselves, to compare a change with what was before it. */
export const baseline: Peer = checkout('baseline', process.env['BENCH_BASELINE'] ?? '');

function checkout(name: string, root: string): Peer {
  return {
    name,
    does: 'verifies, signs an assertion, writes an access line, counts',
    verifies: true,
    mints: true,
    missing: () => (root === '' ? 'BENCH_BASELINE names no checkout' : null),
    version: () => `${name} ${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}`,
    command: (setup) => {
      const path = join(setup.folder, 'countersign.yaml');
      writeFileSync(path, JSON.stringify(configuration(setup)));
      const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
      const node = ['--disable-warning=DEP0060', ...profile, join(root, 'src/main.ts')];
      return { file: process.execPath, args: [...node, 'serve', '--config', path] };
    },
  };
}

/** Port of the ops listener, which has the metrics. */
export function opsPort(port: number): number {
  return port < 60_000 ? port + 1000 : port - 1000;
}

function configuration({ port, upstreamPort, files, family, routes, jwksUri, folder }: Setup) {
  const keys =
    jwksUri === null ? { signingKey: { pemFile: files.issuerPublic, kid: ISSUER_KID } } : { jwksUri };
  return {
    version: 1,
    dataDir: join(folder, 'data'),
    listeners: { proxy: { bind: `127.0.0.1:${port}` }, ops: { bind: `127.0.0.1:${opsPort(port)}` } },
    realms: [{ name: 'bench', issuer: ISSUER, algorithms: [family], ...keys }],
    assertion: {
      algorithm: family,
      keys: [{ id: ASSERTION_KID, privateKeyFile: files.assertionPrivate, state: 'active' }],
      userClaims: { retriever: 'token' },
    },
    upstreams: { service: { targets: [`http://127.0.0.1:${upstreamPort}`] } },
    routes: Array.from({ length: routes }, (_, index) => ({
      name: `route-${index}`,
      match: { pathPrefix: index === 0 ? '/' : `/route-${index}` },
      upstream: 'service',
    })),
  };
}
