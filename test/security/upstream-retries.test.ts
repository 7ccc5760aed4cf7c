/** What a retry may do: lose nothing that can be had, and send nothing twice that may not be (U02, U03). */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import { BUDGET_RATIO } from '../../src/forward/retry.ts';
import type { Upstream } from '../../src/forward/upstream.ts';
import { createUpstreams, type Upstreams } from '../../src/forward/upstreams.ts';
import { outcomeOf } from '../support/capture.ts';
import { type Edge, get, httpUpstream, startEdge, upstreamPorts } from '../support/edge.ts';
import { seededRandom } from '../support/random.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { settled } from '../support/scheduler.ts';
import { headerOf, OK, type RecordingUpstream, recordingUpstream, type Script } from '../support/upstream.ts';

const servers: RecordingUpstream[] = [];
let upstreams: Upstreams | undefined;
let edge: Edge | undefined;

async function server(script?: Script): Promise<RecordingUpstream> {
  const started = await recordingUpstream(script);
  servers.push(started);
  return started;
}

function settingsOf(urls: readonly string[], overrides: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return httpUpstream('', { targets: urls.map((url) => ({ url })), ...overrides });
}

function upstreamOf(urls: readonly string[], overrides: Partial<UpstreamSettings> = {}) {
  const ports = upstreamPorts();
  upstreams = createUpstreams([settingsOf(urls, overrides)], ports);
  return { upstream: upstreams.get('app') as Upstream, ports };
}

afterEach(async () => {
  await edge?.close();
  await upstreams?.close();
  await Promise.all(servers.splice(0).map((one) => one.close()));
  edge = undefined;
  upstreams = undefined;
});

/** Answers the first request of the first connection, and loses the second one with its connection. */
const RACE: Script = ({ connection }, socket) => {
  const isSecond = socket.bytesWritten > 0 && connection === 1;
  if (isSecond) socket.resetAndDestroy();
  else socket.write(OK);
};

/** One request, whose connection is then ready for the next. */
async function warmUp(upstream: Upstream): Promise<void> {
  expect(await outcomeOf(upstream)).toBe('200 ok');
  await settled();
}

describe('a kept connection that the upstream closes as a request leaves (U03)', () => {
  it.each(['GET', 'HEAD'])('does not lose a %s', async (method) => {
    const target = await server(RACE);
    const { upstream, ports } = upstreamOf([target.url]);
    await warmUp(upstream);
    expect(await outcomeOf(upstream, { method })).toMatch(/^200/);
    expect(ports.retries).toEqual(['app reset']);
  });

  it.each(['POST', 'PATCH', 'PUT', 'DELETE'])('is 502 for a %s, which is not sent twice', async (method) => {
    const target = await server(RACE);
    const { upstream } = upstreamOf([target.url]);
    await warmUp(upstream);
    expect(await outcomeOf(upstream, { method })).toBe('upstream_unreachable');
    expect(target.seen.filter(({ requestLine }) => requestLine.startsWith(method))).toHaveLength(1);
  });

  it('is 502 for a GET with a body: it was begun', async () => {
    const target = await server(RACE);
    const { upstream } = upstreamOf([target.url]);
    await warmUp(upstream);
    const headers = ['Host', 'first-target', 'Content-Length', '1'];
    expect(await outcomeOf(upstream, { headers, body: Readable.from(['a']) })).toBe('upstream_unreachable');
    expect(target.seen).toHaveLength(2);
  });
});

describe('an answer that has begun (U01, U02)', () => {
  it.each([
    ['within its head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['after a 103', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
    ['within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('and is lost %s is not asked for again', async (_where, bytes) => {
    const target = await server((_request, socket) => {
      socket.write(bytes, () => setImmediate(() => socket.resetAndDestroy()));
    });
    const { upstream } = upstreamOf([target.url]);
    expect(await outcomeOf(upstream)).toMatch(/^upstream_/);
    expect(target.seen).toHaveLength(1);
  });

  it('and does not come in time is not asked for again', async () => {
    const target = await server(() => {});
    const { upstream } = upstreamOf([target.url], {
      timeouts: { connectMs: 1000, responseMs: 100, idleMs: 1000 },
    });
    expect(await outcomeOf(upstream)).toBe('upstream_timeout');
    expect(target.seen).toHaveLength(1);
  });

  it.each(['500 No', '502 No', '503 No'])('with %s is passed on, not asked for again', async (status) => {
    const target = await server((_request, socket) => void socket.write(OK.replace('200 OK', status)));
    const { upstream } = upstreamOf([target.url]);
    expect(await outcomeOf(upstream)).toBe(`${status.slice(0, 3)} ok`);
    expect(target.seen).toHaveLength(1);
  });
});

describe('a body (U02)', () => {
  async function deadUrl(): Promise<string> {
    const dead = await recordingUpstream();
    await dead.close();
    return dead.url;
  }

  it('arrives whole, once, where the first target refuses the connection', async () => {
    const alive = await server();
    const body = randomBytes(1024 * 1024);
    edge = await startEdge({ upstreams: [settingsOf([await deadUrl(), alive.url])] });
    for (let count = 0; count < 2; count += 1) {
      const head = get('/', `Content-Length: ${body.length}\r\n`).replace('GET', 'POST');
      expect((await exchange(edge.port, Buffer.concat([Buffer.from(head), body]))).status).toBe(200);
    }
    expect(alive.seen.map((seen) => seen.body === body.toString('latin1'))).toEqual([true, true]);
  });

  it('may fail when nobody sends it any more: the process lives on', async () => {
    const { upstream } = upstreamOf([await deadUrl()]);
    const body = new Readable({ read: () => {} });
    const headers = ['Host', 'first-target', 'Content-Length', '4'];
    expect(await outcomeOf(upstream, { method: 'POST', headers, body })).toBe('upstream_unreachable');
    expect(() => body.emit('error', new Error('the client has gone'))).not.toThrow();
  });

  it('whose client leaves after the refusal harms nobody else', async () => {
    edge = await startEdge({ upstreams: [settingsOf([await deadUrl()])] });
    const client = await rawClient(edge.port);
    client.send(`${get('/', 'Content-Length: 100\r\n').replace('GET', 'POST')}part`);
    expect((await client.waitFor(1))[0]?.status).toBe(502);
    client.socket.resetAndDestroy();
    await client.closed();
    expect((await exchange(edge.port, get('/'))).status).toBe(502);
  });

  it('whose client leaves while targets refuse harms nobody else', async () => {
    const alive = await server();
    edge = await startEdge({
      upstreams: [settingsOf([await deadUrl(), await deadUrl(), alive.url], { balance: 'leastRequests' })],
    });
    const port = edge.port;
    const leaving = Array.from({ length: 30 }, (_unused, index) => {
      const client = connect({ port, host: '127.0.0.1' });
      client.on('error', () => {});
      client.write(`${get('/', 'Content-Length: 100\r\n').replace('GET', 'POST')}part`);
      return new Promise((resolve) => {
        client.once('close', resolve);
        setTimeout(() => client.resetAndDestroy(), index % 10);
      });
    });
    await Promise.all(leaving);
    await expect.poll(async () => (await exchange(port, get('/'))).status).toBe(200);
  });
});

describe('10^4 requests with random losses (U02)', () => {
  const REQUESTS = 10_000;
  const PARALLEL = 40;

  it('reach the upstream at most once where they are not repeatable, and retries keep their budget', async () => {
    const random = seededRandom(20_261_122);
    const script: Script = (_request, socket) => {
      const fate = random.below(10);
      if (fate === 0) socket.resetAndDestroy();
      else if (fate === 1) socket.end();
      else if (fate === 2) socket.write('HTTP/1.1 200', () => socket.resetAndDestroy());
      else if (fate === 3) socket.write(OK, () => socket.destroy());
      else socket.write(OK);
    };
    const targets = [await server(script), await server(script)];
    const { upstream, ports } = upstreamOf(targets.map(({ url }) => url));
    const outcomes = new Map<string, string>();
    let next = 0;
    const worker = async () => {
      for (let number = next++; number < REQUESTS; number = next++) {
        const method = random.pick(['GET', 'POST', 'POST', 'PUT']);
        const hasBody = method !== 'GET' && random.below(2) === 0;
        const id = `${method} ${number}`;
        const headers = ['Host', 'first-target', 'Idempotency-Key', id];
        if (hasBody) headers.push('Content-Length', '4');
        const body = hasBody ? Readable.from(['body']) : null;
        outcomes.set(id, await outcomeOf(upstream, { method, headers, body }));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));

    const counts = new Map<string, number>();
    for (const seen of targets.flatMap((target) => target.seen)) {
      const [id = ''] = headerOf(seen, 'idempotency-key');
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const most = (method: string) =>
      Math.max(...[...counts].map(([id, count]) => (id.startsWith(method) ? count : 0)));
    expect({ POST: most('POST'), PUT: most('PUT'), GET: most('GET') }).toEqual({ POST: 1, PUT: 1, GET: 2 });
    const succeeded = [...outcomes].filter(([, outcome]) => outcome.startsWith('200'));
    expect(succeeded.every(([id]) => (counts.get(id) ?? 0) >= 1)).toBe(true);
    expect(outcomes.size).toBe(REQUESTS);
    expect(new Set([...outcomes.values()])).toEqual(new Set(['200 ok', 'upstream_unreachable']));
    expect(ports.retries.length).toBeGreaterThan(0);
    expect(ports.retries.length).toBeLessThanOrEqual(REQUESTS * BUDGET_RATIO);
  });

  it('do not double the load on an upstream that loses everything', async () => {
    const dying = await server((_request, socket) => socket.resetAndDestroy());
    const { upstream, ports } = upstreamOf([dying.url]);
    const requests = 500;
    for (let count = 0; count < requests; count += 1) await outcomeOf(upstream);
    expect(dying.seen).toHaveLength(requests + ports.retries.length);
    expect(ports.retries.length).toBeLessThanOrEqual(requests * BUDGET_RATIO + 10);
  });
});
