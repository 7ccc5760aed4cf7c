import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLACES, t1Claims } from '../support/acceptance.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { LISTENERS } from '../support/gateway.ts';
import { type Idp, keySet, startIdp } from '../support/idp.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { signed, testKey } from '../support/tokens.ts';
import { headerOf, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';
import { ask, metricsOf, reachAll, seriesOf, workerPids } from '../support/workers.ts';

const WORKERS = 2;
/** Processes start in their own time on a busy machine. */
const START_MS = 60_000;
const callerKey = testKey('ES256', 'caller');

let folder: string;
let idp: Idp;
let upstream: RecordingUpstream;
let gateway: ServeProcess;
let proxy: string;
let ops: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-workers-'));
  idp = await startIdp();
  idp.answerJwks(keySet([callerKey.jwk]));
  upstream = await recordingUpstream();
  const realm = fusionRealm({ signingKey: null, jwksUri: `"${idp.jwksUri}"` });
  const path = join(folder, 'countersign.yaml');
  writeFileSync(path, `${LISTENERS}workers: ${WORKERS}\n${withRealms([realm])}`);
  gateway = serveProcess(['--config', path], { BACKEND: upstream.url });
  ({ proxy, ops } = await gateway.listening());
}, START_MS);
afterAll(async () => {
  gateway.kill('SIGTERM');
  await gateway.exit();
  await Promise.all([upstream.close(), idp.close()]);
  rmSync(folder, { recursive: true });
});

const token = () => signed(callerKey, t1Claims());
const askFor = async (name: string) => {
  const answer = await ask(`${proxy}${PLACES}/${name}`, token());
  expect(answer.status).toBe(200);
};

describe('two workers on one port', () => {
  it('serve in processes of their own, which are not the one that was started', async () => {
    const reached = await reachAll(gateway, WORKERS, askFor, 'spread');
    const pids = new Set([...reached.keys()].map((worker) => workerPids(gateway).get(worker)));
    expect(pids.size).toBe(WORKERS);
    expect(pids).not.toContain(gateway.pid);
  });

  it('sign with the keys of the one published set, the same on both listeners', async () => {
    const reached = await reachAll(gateway, WORKERS, askFor, 'signed');
    const jwks = createRemoteJWKSet(new URL(`${ops}/.well-known/jwks.json`));
    const kids = new Set<unknown>();
    for (const path of reached.values()) {
      const seen = upstream.seen.find(({ requestLine }) => requestLine.includes(` ${path} `));
      const { protectedHeader } = await jwtVerify(headerOf(seen, 'x-jwt-assertion')[0] ?? '', jwks);
      kids.add(protectedHeader.kid);
    }
    expect(reached.size).toBe(WORKERS);
    expect(kids.size).toBe(1);
    const texts = await Promise.all(
      [proxy, ops].map(async (origin) => (await fetch(`${origin}/.well-known/jwks.json`)).text()),
    );
    expect(new Set(texts).size).toBe(1);
  });

  it('fetch the key set of an issuer once between them', async () => {
    await reachAll(gateway, WORKERS, askFor, 'fetched');
    expect(idp.hits()).toBe(1);
    const page = await metricsOf(ops);
    const fetches = (result: string) =>
      seriesOf(page, `countersign_jwks_fetch_total{key_set="fusion",result="${result}"}`);
    expect([fetches('ok'), fetches('shared')]).toEqual([1, WORKERS - 1]);
  });

  it('are one page of metrics, with the requests of both', async () => {
    const series = 'countersign_requests_total{route="placefinder",method="GET",status_class="2xx"}';
    await reachAll(gateway, WORKERS, askFor, 'counted');
    await until(async () => seriesOf(await metricsOf(ops), series) === upstream.seen.length);
    const page = await metricsOf(ops);
    expect(seriesOf(page, 'countersign_workers')).toBe(WORKERS);
    expect(seriesOf(page, 'countersign_config_generation')).toBe(1);
    expect(page.match(/^# TYPE countersign_requests_total /gm)).toHaveLength(1);
  });

  it('are ready together, with the key sets that they use', async () => {
    const answer = await fetch(`${ops}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ causes: [], key_sets: [{ state: 'fresh' }] });
  });

  it('let the kernel refuse a second instance on their port', async () => {
    const path = join(folder, 'second.yaml');
    const listeners = LISTENERS.replace('127.0.0.1:0', new URL(proxy).host);
    writeFileSync(path, `${listeners}workers: 2\ndataDir: ./second\n${withRealms([fusionRealm()])}`);
    const second = serveProcess(['--config', path], { BACKEND: upstream.url });
    expect(await second.exit()).toBe(1);
    expect(second.stderr()).toBe(
      `countersign serve: listeners.proxy cannot listen on ${new URL(proxy).host}: the port is in use\n`,
    );
  });
});
