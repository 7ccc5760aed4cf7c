/** Upstreams of several targets over real sockets: shares, health, breaker, reload. Time is the test's own where it matters. */

import dns from 'node:dns';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import type { Upstream } from '../../src/forward/upstream.ts';
import { createUpstreams, type Upstreams } from '../../src/forward/upstreams.ts';
import { CapturingSink, outcomeOf, requestFor } from '../support/capture.ts';
import { fakeClock } from '../support/clock.ts';
import { httpUpstream, TIMEOUTS, upstreamPorts } from '../support/edge.ts';
import { fakeScheduler, settled } from '../support/scheduler.ts';
import { headerOf, OK, type RecordingUpstream, recordingUpstream, type Script } from '../support/upstream.ts';

const servers: RecordingUpstream[] = [];
let upstreams: Upstreams | undefined;

async function server(script?: Script): Promise<RecordingUpstream> {
  const started = await recordingUpstream(script);
  servers.push(started);
  return started;
}

/** A port on which nobody listens. */
async function deadUrl(): Promise<string> {
  const dead = await recordingUpstream();
  await dead.close();
  return dead.url;
}

function upstreamOf(urls: readonly string[], overrides: Partial<UpstreamSettings> = {}) {
  const clock = fakeClock();
  const timers = fakeScheduler(clock);
  const ports = upstreamPorts({ clock });
  const targets = urls.map((url) => ({ url }));
  upstreams = createUpstreams([httpUpstream('', { targets, ...overrides })], ports);
  const upstream = upstreams.get('app') as Upstream;
  return { upstream, ports, clock, timers, all: upstreams };
}

afterEach(async () => {
  await upstreams?.close();
  upstreams = undefined;
  await Promise.all(servers.splice(0).map((one) => one.close()));
});

describe('balance', () => {
  it('roundRobin gives each target the same share', async () => {
    const targets = [await server(), await server(), await server()];
    const { upstream } = upstreamOf(targets.map(({ url }) => url));
    for (let count = 0; count < 30; count += 1) await outcomeOf(upstream);
    expect(targets.map(({ seen }) => seen.length)).toEqual([10, 10, 10]);
  });

  it('leastRequests passes by a target that is busy', async () => {
    const slow = await server(() => {});
    const quick = await server();
    const { upstream } = upstreamOf([slow.url, quick.url], { balance: 'leastRequests' });
    const waiting = new CapturingSink();
    const both = [new CapturingSink(), waiting].map((sink) =>
      upstream.forward(requestFor(), sink).catch(() => {}),
    );
    await expect.poll(() => slow.seen.length).toBe(1);
    for (let count = 0; count < 10; count += 1) await outcomeOf(upstream);
    expect([slow.seen.length, quick.seen.length]).toEqual([1, 11]);
    await slow.close();
    await Promise.all(both);
  });

  it('sends each target its own name as Host', async () => {
    const targets = [await server(), await server()];
    const { upstream } = upstreamOf(targets.map(({ url }) => url));
    await outcomeOf(upstream);
    await outcomeOf(upstream);
    for (const { port, seen } of targets) expect(headerOf(seen[0], 'host')).toEqual([`127.0.0.1:${port}`]);
  });

  it('keeps the Host of the client where the route says so', async () => {
    const targets = [await server(), await server()];
    const { upstream } = upstreamOf(targets.map(({ url }) => url));
    for (let count = 0; count < 2; count += 1)
      await outcomeOf(upstream, { headers: ['Host', 'client.test'], keepsHost: true });
    for (const { seen } of targets) expect(headerOf(seen[0], 'host')).toEqual(['client.test']);
  });

  it('takes unix sockets among its targets', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'countersign-')), 'app.sock');
    const local = createServer((_request, response) => response.end('unix'));
    await new Promise<void>((resolve) => local.listen(path, resolve));
    const { upstream } = upstreamOf([`unix:${path}`, (await server()).url]);
    const answers = [await outcomeOf(upstream), await outcomeOf(upstream)];
    expect(answers.toSorted()).toEqual(['200 ok', '200 unix']);
    local.closeAllConnections();
    local.close();
  });
});

describe('failover (U03, U07, GW-C06)', () => {
  it('finds another target where one refuses, whatever the method', async () => {
    const alive = await server();
    const { upstream, ports } = upstreamOf([await deadUrl(), alive.url]);
    for (const method of ['GET', 'POST', 'GET', 'POST'])
      expect(await outcomeOf(upstream, { method })).toBe('200 ok');
    expect(ports.retries).toEqual(['app connect', 'app connect']);
    expect(alive.seen).toHaveLength(4);
  });

  it('is 502 where every target refuses, each asked once', async () => {
    const { upstream, ports } = upstreamOf([await deadUrl(), await deadUrl()], {
      retry: { attempts: 5, methods: new Set(['GET']) },
    });
    expect(await outcomeOf(upstream)).toBe('upstream_unreachable');
    expect(ports.retries).toHaveLength(1);
  });

  it('is off where retry.attempts is 0', async () => {
    const { upstream } = upstreamOf([await deadUrl(), (await server()).url], {
      retry: { attempts: 0, methods: new Set(['GET']) },
    });
    const answers = [await outcomeOf(upstream), await outcomeOf(upstream)];
    expect(answers.toSorted()).toEqual(['200 ok', 'upstream_unreachable']);
  });

  it('does not wait for a target that gives no connection within timeouts.connect', async () => {
    // It takes TCP connections and never speaks TLS.
    const mute = await server(() => {});
    const alive = await server();
    const { upstream } = upstreamOf([mute.url.replace('http:', 'https:'), alive.url], {
      timeouts: { ...TIMEOUTS, connectMs: 100 },
    });
    expect([await outcomeOf(upstream), await outcomeOf(upstream)]).toEqual(['200 ok', '200 ok']);
  });

  it('is 504 where no target gives a connection in time', async () => {
    const mute = await server(() => {});
    const { upstream } = upstreamOf([mute.url.replace('http:', 'https:')], {
      timeouts: { ...TIMEOUTS, connectMs: 100 },
    });
    expect(await outcomeOf(upstream)).toBe('upstream_timeout');
  });
});

describe('breaker (U07)', () => {
  it('fails fast with 503 and Retry-After after five refusals, and asks nobody', async () => {
    const url = await deadUrl();
    const { upstream, clock } = upstreamOf([url]);
    for (let count = 0; count < 5; count += 1) expect(await outcomeOf(upstream)).toBe('upstream_unreachable');
    clock.advanceMs(1500);
    await expect(upstream.forward(requestFor(), new CapturingSink())).rejects.toMatchObject({
      code: 'upstream_unavailable',
      status: 503,
      retryAfterSeconds: 4,
    });
    expect(upstream.status()).toMatchObject([{ target: url, breaker: 'open' }]);
  });

  it('lets one request try after five seconds, and closes when it gets through', async () => {
    const seat = await server();
    const { url, port } = seat;
    await seat.close();
    const { upstream, clock } = upstreamOf([url]);
    for (let count = 0; count < 5; count += 1) await outcomeOf(upstream);
    clock.advanceMs(5000);
    expect(await outcomeOf(upstream)).toBe('upstream_unreachable');
    expect(await outcomeOf(upstream)).toBe('upstream_unavailable');
    const back = createServer((_request, response) => response.end('back'));
    await new Promise<void>((resolve) => back.listen(port, '127.0.0.1', resolve));
    clock.advanceMs(5000);
    expect(await outcomeOf(upstream)).toBe('200 back');
    expect(upstream.status()).toMatchObject([{ breaker: 'closed' }]);
    back.closeAllConnections();
    back.close();
  });

  it('does not take a trial whose client has gone for an answer of the target', async () => {
    const { upstream, clock } = upstreamOf([await deadUrl()]);
    for (let count = 0; count < 5; count += 1) await outcomeOf(upstream);
    clock.advanceMs(5000);
    const body = new Readable({ read: () => {} });
    const trial = outcomeOf(upstream, { method: 'POST', body });
    body.destroy();
    await trial;
    expect(await outcomeOf(upstream)).toBe('upstream_unreachable');
  });

  it('gives the requests to the other targets while it is open', async () => {
    const alive = await server();
    const { upstream, ports } = upstreamOf([await deadUrl(), alive.url]);
    for (let count = 0; count < 20; count += 1) expect(await outcomeOf(upstream)).toBe('200 ok');
    expect(ports.retries).toHaveLength(5);
  });

  it.each([
    ['are lost under a request', (_request, socket) => socket.destroy()],
    ['answer with 500', (_request, socket) => socket.write(OK.replace('200 OK', '500 No'))],
  ] satisfies [string, Script][])(
    'stays closed where connections %s: one client could provoke that',
    async (_what, script) => {
      const { upstream } = upstreamOf([(await server(script)).url]);
      for (let count = 0; count < 8; count += 1) await outcomeOf(upstream, { method: 'POST' });
      expect(upstream.status()).toMatchObject([{ breaker: 'closed' }]);
    },
  );

  it('stays closed where clients leave, and nothing is tried again for them', async () => {
    const silent = await server(() => {});
    const { upstream, ports } = upstreamOf([silent.url]);
    for (let count = 0; count < 8; count += 1) {
      const sink = new CapturingSink();
      const done = upstream.forward(requestFor(), sink).catch(() => {});
      await expect.poll(() => silent.seen.length, { interval: 2 }).toBe(count + 1);
      sink.abort();
      await done;
    }
    expect(upstream.status()).toMatchObject([{ breaker: 'closed' }]);
    expect(ports.retries).toEqual([]);
  });
});

const HEALTH = { path: '/health?deep', intervalMs: 1000, timeoutMs: 500, unhealthyAfter: 2, healthyAfter: 2 };

describe('health checks', () => {
  /** Two targets; the first is made well and ill by the test. Its checks run when the test says so. */
  async function rig(health: Partial<typeof HEALTH> = {}) {
    const first = { status: '200 OK' };
    const isCheck = (line: string) => line.includes('/health');
    const changing = await server(({ requestLine }, socket) => {
      const status = isCheck(requestLine) ? first.status : '200 OK';
      if (status !== '') socket.write(OK.replace('200 OK', status));
    });
    const steady = await server();
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const settings = httpUpstream('', {
      targets: [{ url: changing.url }, { url: steady.url }],
      health: { ...HEALTH, ...health },
    });
    upstreams = createUpstreams([settings], upstreamPorts({ clock, schedule: timers.schedule }));
    upstreams.startChecks();
    const upstream = upstreams.get('app') as Upstream;
    const checks = () => changing.seen.filter(({ requestLine }) => isCheck(requestLine)).length;
    const requests = () => changing.seen.length - checks();
    let rounds = 0;
    const answered = async () => {
      rounds += 1;
      const done = () => timers.delaysMs.filter((delayMs) => delayMs === HEALTH.intervalMs).length;
      await expect.poll(done, { interval: 5 }).toBe(2 * rounds);
    };
    await timers.passMs(0);
    await answered();
    /** Moves time to the next check of both targets, and waits until they are answered. */
    const check = async () => {
      await timers.passMs(HEALTH.intervalMs);
      await answered();
    };
    return { first, changing, steady, timers, upstream, checks, requests, check };
  }

  it('ask the path with GET, under the name of the target', async () => {
    const { changing } = await rig();
    expect(changing.seen[0]?.requestLine).toBe('GET /health?deep HTTP/1.1');
    expect(headerOf(changing.seen[0], 'host')).toEqual([`127.0.0.1:${changing.port}`]);
  });

  it.each(['500 No', '404 No', '429 No'])('take a target out that answers %s', async (status) => {
    const { first, check, requests, upstream } = await rig();
    first.status = status;
    await check();
    await check();
    for (let count = 0; count < 4; count += 1) expect(await outcomeOf(upstream)).toBe('200 ok');
    expect(requests()).toBe(0);
    expect(upstream.status()).toMatchObject([{ isHealthy: false }, { isHealthy: true }]);
  });

  it('take it in again when it is well', async () => {
    const { first, check, requests, upstream } = await rig();
    first.status = '500 No';
    for (let count = 0; count < 2; count += 1) await check();
    first.status = '302 Found';
    for (let count = 0; count < 2; count += 1) await check();
    for (let count = 0; count < 4; count += 1) await outcomeOf(upstream);
    expect(requests()).toBe(2);
    expect(upstream.status()).toMatchObject([{ isHealthy: true }, { isHealthy: true }]);
  });

  it('end with the snapshot they belong to', async () => {
    const { timers } = await rig();
    await upstreams?.close();
    expect(timers.pending()).toBe(0);
  });

  it('that all fail take nobody out: the path may be what is wrong', async () => {
    const sick: Script = ({ requestLine }, socket) =>
      void socket.write(requestLine.includes('/health') ? OK.replace('200 OK', '404 No') : OK);
    const targets = [await server(sick), await server(sick)];
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const settings = httpUpstream('', {
      targets: targets.map(({ url }) => ({ url })),
      health: { ...HEALTH, unhealthyAfter: 1 },
    });
    upstreams = createUpstreams([settings], upstreamPorts({ clock, schedule: timers.schedule }));
    upstreams.startChecks();
    await timers.passMs(0);
    await expect.poll(() => upstreams?.status().every(({ isHealthy }) => !isHealthy)).toBe(true);
    for (let count = 0; count < 4; count += 1) expect(await outcomeOf(upstreams.get('app'))).toBe('200 ok');
  });

  it('that get no connection end with their timeout', async () => {
    // It takes TCP connections and never speaks TLS.
    const mute = await server(() => {});
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const settings = httpUpstream(mute.url.replace('http:', 'https:'), {
      health: { ...HEALTH, unhealthyAfter: 1 },
      timeouts: { ...TIMEOUTS, connectMs: 500 },
    });
    upstreams = createUpstreams([settings], upstreamPorts({ clock, schedule: timers.schedule }));
    upstreams.startChecks();
    await timers.passMs(HEALTH.timeoutMs);
    expect(upstreams.status()).toMatchObject([{ isHealthy: false }]);
  });

  it('that get no answer end with their timeout', async () => {
    const silent = await server(() => {});
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const settings = httpUpstream(silent.url, { health: { ...HEALTH, unhealthyAfter: 1 } });
    upstreams = createUpstreams([settings], upstreamPorts({ clock, schedule: timers.schedule }));
    upstreams.startChecks();
    await timers.passMs(0);
    await expect.poll(() => silent.seen.length).toBe(1);
    await timers.passMs(HEALTH.timeoutMs);
    expect(upstreams.status()).toMatchObject([{ isHealthy: false }]);
    await expect.poll(() => silent.openConnections()).toBe(0);
  });
});

describe('a reload', () => {
  it('lets a running request finish', async () => {
    let answer: () => void = () => {};
    const slow = await server((_request, socket) => {
      answer = () => socket.write(OK);
    });
    const { upstream, all } = upstreamOf([slow.url]);
    const outcome = outcomeOf(upstream);
    await expect.poll(() => slow.seen.length).toBe(1);
    const closed = all.close();
    answer();
    expect(await outcome).toBe('200 ok');
    await closed;
    await expect.poll(() => slow.openConnections()).toBe(0);
  });
});

describe('a name that resolves to another address (U07)', () => {
  /** Two servers on one port of two loopback addresses, and a resolver that knows one of them. */
  async function rig() {
    const at = { address: '127.0.0.1' };
    const started = ['127.0.0.1', '127.0.0.2'].map((address) =>
      createServer((_request, response) => response.end(address)),
    );
    const [one, other] = started as [Server, Server];
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    const { port } = one.address() as AddressInfo;
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.2', resolve));
    vi.spyOn(dns, 'lookup').mockImplementation(((
      _host: string,
      _options: object,
      callback: (error: null, found: { address: string; family: number }[]) => void,
    ) => callback(null, [{ ...at, family: 4 }])) as unknown as typeof dns.lookup);
    onTestFinished(() => {
      vi.restoreAllMocks();
      for (const each of started) each.close().closeAllConnections();
    });
    const { upstream, clock } = upstreamOf([`http://app.test:${port}`]);
    return { at, one, upstream, clock };
  }

  it('is followed by the next connection', async () => {
    const { at, one, upstream } = await rig();
    expect(await outcomeOf(upstream)).toBe('200 127.0.0.1');
    at.address = '127.0.0.2';
    one.closeAllConnections();
    await expect.poll(() => outcomeOf(upstream)).toBe('200 127.0.0.2');
  });

  it('is followed within a minute by connections that are never idle', async () => {
    const { at, upstream, clock } = await rig();
    expect(await outcomeOf(upstream)).toBe('200 127.0.0.1');
    at.address = '127.0.0.2';
    await settled();
    expect(await outcomeOf(upstream)).toBe('200 127.0.0.1');
    await settled();
    clock.advanceMs(61_000);
    expect(await outcomeOf(upstream)).toBe('200 127.0.0.2');
  });

  it('is 502 where it resolves to none', async () => {
    const { upstream } = upstreamOf(['http://nobody.invalid:80']);
    expect(await outcomeOf(upstream)).toBe('upstream_unreachable');
  });
});
