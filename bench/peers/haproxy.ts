/** HAProxy with jwt_verify: verifies each token, forwards, mints nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ISSUER } from '../fixtures.ts';
import type { Peer, Setup } from '../peer.ts';
import { has, versionLine } from '../process.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  does: 'verifies every request (jwt_verify), forwards; no access log',
  verifies: true,
  mints: false,
  missing: () => (has('haproxy') ? null : 'haproxy is not installed (bench/install.sh)'),
  version: () => (versionLine('haproxy', ['-v']) ?? '').replace(/ - .*/, ''),
  command: (setup) => {
    const path = join(setup.folder, 'haproxy.cfg');
    writeFileSync(path, configuration(setup));
    return { file: 'haproxy', args: ['-W', '-f', path] };
  },
};

function configuration({ port, upstreamPort, files, family }: Setup): string {
  const deny = 'http-request deny deny_status 401';
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  ${deny} unless { var(txn.alg) -m str ${family} }
  ${deny} unless { var(txn.bearer),jwt_verify(txn.alg,"${files.issuerPublic}") -m int 1 }
  ${deny} unless { var(txn.bearer),jwt_payload_query('$.iss') -m str ${ISSUER} }
  ${deny} if { date,sub(txn.exp) -m int gt 0 }
  default_backend service
backend service
  server one 127.0.0.1:${upstreamPort}
`;
}
