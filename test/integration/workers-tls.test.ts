import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLACES, t1 } from '../support/acceptance.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { testKey } from '../support/tokens.ts';
import { type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';
import { workerOfPath } from '../support/workers.ts';

const WORKERS = 2;
const START_MS = 60_000;
const LISTENERS = `version: 1
workers: ${WORKERS}
reload: { watch: false }
shutdownGrace: 0s
listeners:
  proxy: { bind: "127.0.0.1:0", tls: { certFile: cert.pem, keyFile: key.pem } }
  ops: { bind: "127.0.0.1:0" }
`;

let folder: string;
let upstream: RecordingUpstream;
let gateway: ServeProcess;
let port: number;
let certificate: string;

function writeCertificate(): void {
  const key = testKey('ES256');
  certificate = selfSignedCertificate(key);
  writeFileSync(join(folder, 'cert.pem'), certificate);
  writeFileSync(join(folder, 'key.pem'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-workers-'));
  upstream = await recordingUpstream();
  writeCertificate();
  const path = join(folder, 'countersign.yaml');
  writeFileSync(path, LISTENERS + withRealms([fusionRealm()]));
  gateway = serveProcess(['--config', path], { BACKEND: upstream.url });
  port = Number(new URL((await gateway.listening()).proxy).port);
}, START_MS);
afterAll(async () => {
  gateway.kill('SIGTERM');
  await gateway.exit();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

interface Visit {
  readonly isResumed: boolean;
  readonly status: string;
  readonly session: Buffer | undefined;
}

/** One request on a connection of its own, with the ticket of an earlier one where given. */
function visit(path: string, session?: Buffer): Promise<Visit> {
  return new Promise((resolve, reject) => {
    // The certificate is checked by being the only one trusted, not by its name.
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: certificate,
      checkServerIdentity: () => undefined,
      session,
    });
    let ticket: Buffer | undefined;
    let isResumed = false;
    let answer = '';
    socket.on('session', (given) => {
      ticket = given;
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.once('secureConnect', () => {
      isResumed = socket.isSessionReused();
      const head = `GET ${PLACES}/${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${t1()}\r\n`;
      socket.write(`${head}Connection: close\r\n\r\n`);
    });
    socket.once('error', reject);
    socket.once('close', () => resolve({ isResumed, status: answer.slice(9, 12), session: ticket }));
  });
}

/** Visits until every worker was met. */
async function visitAll(prefix: string, session?: Buffer): Promise<Visit[]> {
  const visits: Visit[] = [];
  await until(async () => {
    visits.push(await visit(`${prefix}${visits.length}`, session));
    const met = [...workerOfPath(gateway)].filter(([path]) => path.includes(prefix));
    return new Set(met.map(([, worker]) => worker)).size === WORKERS;
  });
  return visits;
}

describe('TLS on two workers', () => {
  it('is served by both', async () => {
    const visits = await visitAll('plain');
    expect(new Set(visits.map(({ status }) => status))).toEqual(new Set(['200']));
  });

  it('resumes at either what was begun at one', async () => {
    const { session } = await visit('begun');
    expect(session).toBeDefined();
    const visits = await visitAll('resumed', session);
    expect(visits.map(({ isResumed }) => isResumed)).not.toContain(false);
  });

  it('shows another certificate in both after a reload, and begins anew with everybody (GW-C13)', async () => {
    const { session } = await visit('old');
    writeCertificate();
    gateway.kill('SIGHUP');
    await until(() => gateway.log().some(({ msg }) => msg === 'Configuration reloaded'));
    const visits = await visitAll('new', session);
    expect(visits.map(({ isResumed }) => isResumed)).not.toContain(true);
    expect(new Set(visits.map(({ status }) => status))).toEqual(new Set(['200']));
  });
});
