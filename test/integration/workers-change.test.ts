import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tortureReload, tortureRestart } from '../../scripts/torture/run.ts';
import { PLACES, t1 } from '../support/acceptance.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { LISTENERS } from '../support/gateway.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { OK, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';
import { ask, metricsOf, reachAll, seriesOf, workerOfPath, workerPids } from '../support/workers.ts';

const WORKERS = 2;
/** Several processes start, one after another, on a busy machine. */
const TIMEOUT_MS = 180_000;
/** Few enough for two gateways of three processes each, on a machine that does other things. */
const REQUESTS_PER_SECOND = 50;
const CLIENTS = 8;

const HEAD = `${LISTENERS}workers: ${WORKERS}\nreload: { watch: false }\n`;
const GOOD = HEAD + withRealms([fusionRealm()]);
const RENAMED = GOOD.replace('name: placefinder', 'name: renamed');

let folder: string;
let configPath: string;
let upstream: RecordingUpstream;
let held: Socket[];
let gateway: ServeProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-workers-'));
  configPath = join(folder, 'countersign.yaml');
  held = [];
  upstream = await recordingUpstream(({ requestLine }, socket) => {
    if (requestLine.includes('slow')) held.push(socket);
    else socket.write(OK);
  });
});
afterEach(async () => {
  gateway.kill('SIGKILL');
  await gateway.exit();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

async function serve(yaml: string): Promise<{ proxy: string; ops: string }> {
  writeFileSync(configPath, yaml);
  gateway = serveProcess(['--config', configPath], { BACKEND: upstream.url });
  return await gateway.listening();
}

const messages = () => gateway.log().map(({ msg }) => msg);
const get = (origin: string, name: string) => ask(`${origin}${PLACES}/${name}`, t1());
const reachBoth = (origin: string, prefix: string) =>
  reachAll(gateway, WORKERS, (name) => get(origin, name), prefix);

/** Routes of the requests to these paths, as the log names them. */
function routesOf(paths: Iterable<string>): Set<unknown> {
  const wanted = new Set(paths);
  return new Set(
    gateway
      .log()
      .filter(({ path }) => wanted.has(String(path)))
      .map(({ route }) => route),
  );
}

/** Several clients, each with one request at a time. The returned function ends them, and tells how many were lost. */
function startLoad(origin: string): () => Promise<number> {
  let isDone = false;
  let asked = 0;
  let lost = 0;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isDone) {
      const status = await get(origin, `load${asked++}`).then(
        (answer) => answer.status,
        () => 'lost',
      );
      if (status === 'lost') lost += 1;
      else expect(status).toBe(200);
    }
  });
  return async () => {
    isDone = true;
    await Promise.all(clients);
    return lost;
  };
}

async function reload(yaml: string): Promise<void> {
  const count = () =>
    messages().filter((msg) => /Configuration (?:was not )?reloaded/.test(String(msg))).length;
  const before = count();
  writeFileSync(configPath, yaml);
  gateway.kill('SIGHUP');
  await until(() => count() > before);
}

describe('a reload of several workers', () => {
  it('changes both', { timeout: TIMEOUT_MS }, async () => {
    const { proxy } = await serve(GOOD);
    expect(routesOf((await reachBoth(proxy, 'before')).values())).toEqual(new Set(['placefinder']));
    await reload(RENAMED);
    expect(routesOf((await reachBoth(proxy, 'after')).values())).toEqual(new Set(['renamed']));
  });

  it('of a file with a mistake changes neither, nor what a new worker begins with', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { proxy, ops } = await serve(GOOD);
    await reload(RENAMED.replace('issuer: fusion', 'isuer: fusion'));
    expect(routesOf((await reachBoth(proxy, 'refused')).values())).toEqual(new Set(['placefinder']));
    expect(await (await fetch(`${ops}/readyz`)).text()).toContain('the last reload failed');
    const [first = 0] = workerPids(gateway).values();
    process.kill(first, 'SIGKILL');
    await until(() => messages().filter((msg) => msg === 'A worker serves').length === WORKERS + 1);
    expect(routesOf((await reachBoth(proxy, 'replaced')).values())).toEqual(new Set(['placefinder']));
  });

  it('loses nothing under load (GW-C02)', { timeout: TIMEOUT_MS }, async () => {
    const result = await tortureReload({
      times: 10,
      requestsPerSecond: REQUESTS_PER_SECOND,
      workers: WORKERS,
    });
    expect(result.lost).toEqual([]);
    expect(result).toMatchObject({ reloads: 8, refused: 2, streams: 1 });
  });
});

describe('a worker that is killed under load', () => {
  it('takes its own requests with it and no others, and is replaced', { timeout: TIMEOUT_MS }, async () => {
    const { proxy, ops } = await serve(GOOD);
    await reachBoth(proxy, 'warm');
    const slow = Array.from({ length: 20 }, (_, index) => get(proxy, `slow${index}`));
    const slowEnds = Promise.allSettled(slow);
    await until(() => held.length === slow.length);
    const stopLoad = startLoad(proxy);
    const [victim = 0] = workerPids(gateway).values();
    process.kill(victim, 'SIGKILL');
    await until(
      async () => seriesOf(await metricsOf(ops), 'countersign_worker_ends_total{cause="signal"}') === 1,
    );
    await until(() => messages().filter((msg) => msg === 'A worker serves').length === WORKERS + 1);
    const lostUnderLoad = await stopLoad();
    // The connections to the upstream end with the process that had them.
    const survivors = held.filter((socket) => !socket.destroyed);
    for (const socket of survivors) socket.write(OK);
    const statuses = (await slowEnds).map((end) => (end.status === 'fulfilled' ? end.value.status : 'lost'));
    expect(statuses.filter((status) => status === 200)).toHaveLength(survivors.length);
    expect(survivors.length).toBeLessThan(slow.length);
    expect(survivors.length).toBeGreaterThan(0);
    expect(lostUnderLoad).toBeLessThanOrEqual(CLIENTS);
    expect([...workerPids(gateway).values()]).not.toContain(victim);
    await reachBoth(proxy, 'again');
  });

  it('leaves what it had counted, and /readyz at 503 until it is replaced', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { proxy, ops } = await serve(GOOD);
    const reached = await reachBoth(proxy, 'counted');
    const series = 'countersign_requests_total{route="placefinder",method="GET",status_class="2xx"}';
    await until(async () => seriesOf(await metricsOf(ops), series) === upstream.seen.length);
    const [number = 0] = reached.keys();
    process.kill(workerPids(gateway).get(number) ?? 0, 'SIGKILL');
    await until(async () => (await fetch(`${ops}/readyz`)).status === 503);
    expect(seriesOf(await metricsOf(ops), series)).toBe(upstream.seen.length);
    await until(async () => (await fetch(`${ops}/readyz`)).status === 200);
    expect(seriesOf(await metricsOf(ops), series)).toBe(upstream.seen.length);
  });
});

describe('an error that nobody catches in a worker', () => {
  const CLAIMS = `export function getClaims(user) {
    if (user === 'thrower') setTimeout(() => { throw new Error('thrown into the void'); });
    return {};
  }`;

  it('lets its requests finish while another takes its place (D06)', { timeout: TIMEOUT_MS }, async () => {
    writeFileSync(join(folder, 'claims.mjs'), CLAIMS);
    const { proxy, ops } = await serve(
      HEAD + withRealms([fusionRealm()], 'userClaims: { retriever: { module: ./claims.mjs } }'),
    );
    await reachBoth(proxy, 'warm');
    const slow = Array.from({ length: 20 }, (_, index) => get(proxy, `slow${index}`));
    await until(() => held.length === slow.length);
    await ask(`${proxy}${PLACES}/trigger`, t1({ sub: 'thrower' }));
    await until(
      async () => seriesOf(await metricsOf(ops), 'countersign_worker_ends_total{cause="defect"}') === 1,
    );
    await until(() => messages().filter((msg) => msg === 'A worker serves').length === WORKERS + 1);
    for (const socket of held) socket.write(OK);
    expect(new Set((await Promise.all(slow)).map(({ status }) => status))).toEqual(new Set([200]));
    await reachBoth(proxy, 'again');
    expect(gateway.stderr()).toContain(
      'countersign worker: nothing caught this: Error: thrown into the void',
    );
    expect(seriesOf(await metricsOf(ops), 'countersign_worker_ends_total{cause="exit"}')).toBeUndefined();
  });
});

describe('SIGTERM to several workers', () => {
  it('lets slow requests of both finish, and exits 0 (GW-C14)', { timeout: TIMEOUT_MS }, async () => {
    const { proxy, ops } = await serve(GOOD);
    await reachBoth(proxy, 'warm');
    const answers = Array.from({ length: 20 }, (_, index) => get(proxy, `slow${index}`));
    await until(() => held.length === 20);
    gateway.kill('SIGTERM');
    await until(async () => (await fetch(`${ops}/readyz`)).status === 503);
    await until(() =>
      get(proxy, 'late').then(
        () => false,
        () => true,
      ),
    );
    for (const socket of held) socket.write(OK);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await gateway.exit()).toBe(0);
    expect(gateway.stderr()).toBe('');
    const workers = [...workerOfPath(gateway)].filter(([path]) => path.includes('slow'));
    expect(new Set(workers.map(([, worker]) => worker)).size).toBe(WORKERS);
  });

  it('that went to the whole group, as from a terminal, does the same', { timeout: TIMEOUT_MS }, async () => {
    const { proxy } = await serve(GOOD);
    const answer = get(proxy, 'slow');
    await until(() => held.length === 1);
    for (const pid of workerPids(gateway).values()) process.kill(pid, 'SIGTERM');
    gateway.kill('SIGTERM');
    await until(() => messages().includes('Stopping: running requests are finished first'));
    for (const socket of held) socket.write(OK);
    expect((await answer).status).toBe(200);
    expect(await gateway.exit()).toBe(0);
  });

  it('of a rolling restart loses nothing (GW-C14)', { timeout: TIMEOUT_MS }, async () => {
    await serve(GOOD);
    const result = await tortureRestart({
      times: 2,
      requestsPerSecond: REQUESTS_PER_SECOND,
      workers: WORKERS,
    });
    expect(result.lost).toEqual([]);
    expect(result.exitCodes).toEqual([0, 0, 0]);
  });
});

describe('workers that are left alone', () => {
  it('end with the process that started them', { timeout: TIMEOUT_MS }, async () => {
    const { proxy } = await serve(GOOD);
    const pids = [...workerPids(gateway).values()];
    gateway.kill('SIGKILL');
    await until(() => pids.every((pid) => !isAlive(pid)));
    await expect(get(proxy, 'nobody')).rejects.toThrow();
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
