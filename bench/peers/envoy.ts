/** Envoy with jwt_authn and its token cache: verifies, forwards, writes an access log, mints nothing. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ISSUER } from '../fixtures.ts';
import type { Peer, Setup } from '../peer.ts';
import { versionLine } from '../process.ts';

const BINARY = join(import.meta.dirname, '../../.tmp/envoy/envoy/_bin/envoy');

export const envoy: Peer = {
  name: 'envoy',
  does: 'verifies (jwt_authn with its cache), forwards, writes an access line',
  verifies: true,
  mints: false,
  missing: () => (existsSync(BINARY) ? null : 'envoy is not installed (bench/install.sh)'),
  version: () => `envoy ${/\/(\d+\.\d+\.\d+)\//.exec(versionLine(BINARY, ['--version']) ?? '')?.[1] ?? '?'}`,
  command: (setup) => {
    const path = join(setup.folder, 'envoy.json');
    writeFileSync(path, JSON.stringify(configuration(setup)));
    const args = ['-c', path, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
    return { file: BINARY, args };
  },
};

const EXTENSIONS = 'type.googleapis.com/envoy.extensions';
const socket = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function configuration(setup: Setup) {
  const endpoint = { endpoint: { address: socket(setup.upstreamPort) } };
  const cluster = { cluster_name: 'service', endpoints: [{ lb_endpoints: [endpoint] }] };
  return {
    static_resources: {
      listeners: [{ address: socket(setup.port), filter_chains: [{ filters: [connectionManager(setup)] }] }],
      clusters: [{ name: 'service', type: 'STATIC', connect_timeout: '5s', load_assignment: cluster }],
    },
  };
}

function connectionManager({ folder, files }: Setup) {
  const log = `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`;
  const route = { match: { prefix: '/' }, route: { cluster: 'service', timeout: '60s' } };
  return {
    name: 'http',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      access_log: [{ name: 'file', typed_config: { '@type': log, path: join(folder, 'access.log') } }],
      http_filters: [
        jwtFilter(files.jwks),
        { name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
      ],
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    },
  };
}

const CACHED_TOKENS = 10_000; // what countersign remembers by default

function jwtFilter(jwksFile: string) {
  const provider = {
    issuer: ISSUER,
    local_jwks: { inline_string: readFileSync(jwksFile, 'utf8') },
    jwt_cache_config: { jwt_cache_size: CACHED_TOKENS },
  };
  return {
    name: 'jwt',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.jwt_authn.v3.JwtAuthentication`,
      providers: { bench: provider },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'bench' } }],
    },
  };
}
