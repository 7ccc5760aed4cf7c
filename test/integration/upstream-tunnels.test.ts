/** WebSocket tunnels to upstreams of several targets: balance, breaker, reload. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import { type Edge, GOOD_TOKEN, get, httpUpstream, startEdge, TIMEOUTS } from '../support/edge.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { OK, type RecordingUpstream, recordingUpstream, type Script } from '../support/upstream.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const HANDSHAKE =
  'GET /chat HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n\r\n`;

/** Accepts tunnels and sends back what comes through them; answers other requests. */
const TUNNELS: Script = ({ requestLine }, socket) => {
  if (!requestLine.includes('/chat')) return void socket.write(OK);
  socket.removeAllListeners('data');
  socket.on('data', (piece) => socket.write(piece));
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
  );
};

/** Long for a connection on this machine. */
const CONNECT_MS = 100;

let edge: Edge;
const servers: RecordingUpstream[] = [];

async function start(urls: readonly string[], overrides: Partial<UpstreamSettings> = {}): Promise<void> {
  edge = await startEdge({
    upstreams: [httpUpstream('', { targets: urls.map((url) => ({ url })), ...overrides })],
  });
}

async function server(): Promise<RecordingUpstream> {
  const started = await recordingUpstream(TUNNELS);
  servers.push(started);
  return started;
}

async function deadUrl(): Promise<string> {
  const dead = await recordingUpstream();
  await dead.close();
  return dead.url;
}

afterEach(async () => {
  await edge.close();
  await Promise.all(servers.splice(0).map((one) => one.close()));
});

describe('a tunnel', () => {
  it('counts as a request under way for leastRequests', async () => {
    const targets = [await server(), await server()];
    await start(
      targets.map(({ url }) => url),
      { balance: 'leastRequests' },
    );
    const tunnel = await rawClient(edge.port);
    tunnel.send(HANDSHAKE);
    await tunnel.waitFor(1);
    for (let count = 0; count < 6; count += 1) await exchange(edge.port, get('/'));
    expect(targets.map(({ seen }) => seen.length).toSorted()).toEqual([1, 6]);
    tunnel.close();
    await expect.poll(() => targets.map((target) => target.openConnections()).toSorted()).toEqual([0, 1]);
    for (let count = 0; count < 6; count += 1) await exchange(edge.port, get('/'));
    expect(targets.map(({ seen }) => seen.length).toSorted()).toEqual([4, 9]);
  });

  it('outlives the configuration it was opened under (reload)', async () => {
    await start([(await server()).url]);
    const tunnel = await rawClient(edge.port);
    tunnel.send(HANDSHAKE);
    await tunnel.waitFor(1);
    await edge.upstreams.close();
    tunnel.send('still here');
    await expect.poll(() => tunnel.received()).toContain('still here');
    tunnel.close();
  });

  it('has no time limit from when its connection stands, before and after the 101', async () => {
    const upstream = await recordingUpstream((request, socket) => {
      setTimeout(() => TUNNELS(request, socket), 3 * CONNECT_MS);
    });
    servers.push(upstream);
    await start([upstream.url], { timeouts: { ...TIMEOUTS, connectMs: CONNECT_MS } });
    const tunnel = await rawClient(edge.port);
    tunnel.send(HANDSHAKE);
    await tunnel.waitFor(1);
    await delay(2 * CONNECT_MS);
    tunnel.send('still here');
    await expect.poll(() => tunnel.received()).toContain('still here');
    tunnel.close();
  });

  it('that its upstream resets ends without a word: an answer would be read as WebSocket (W04)', async () => {
    const sockets: Socket[] = [];
    const upstream = await recordingUpstream((request, socket) => {
      sockets.push(socket);
      TUNNELS(request, socket);
    });
    servers.push(upstream);
    await start([upstream.url]);
    const tunnel = await rawClient(edge.port);
    tunnel.send(HANDSHAKE);
    await tunnel.waitFor(1);
    tunnel.send('last');
    await expect.poll(() => tunnel.received()).toContain('last');
    sockets[0]?.resetAndDestroy();
    await tunnel.closed();
    expect(tunnel.received().endsWith('\r\n\r\nlast')).toBe(true);
    await expect.poll(() => edge.records).toMatchObject([{ status: 101, reason: null }]);
  });
});

describe('handshakes that find no connection', () => {
  it('open the breaker, and the next one is 503 with Retry-After (U07)', async () => {
    await start([await deadUrl()]);
    const statuses: number[] = [];
    for (let count = 0; count < 6; count += 1) statuses.push((await exchange(edge.port, HANDSHAKE)).status);
    expect(statuses).toEqual([502, 502, 502, 502, 502, 503]);
    const refused = await exchange(edge.port, HANDSHAKE);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'upstream_unavailable' });
    expect(Number(header(refused, 'retry-after'))).toBeGreaterThan(0);
  });

  it('in time are 504 and open the breaker, as those of requests do (U07)', async () => {
    // It takes TCP connections and never speaks TLS.
    const mute = await recordingUpstream(() => {});
    servers.push(mute);
    await start([mute.url.replace('http:', 'https:')], { timeouts: { ...TIMEOUTS, connectMs: CONNECT_MS } });
    const statuses: number[] = [];
    for (let count = 0; count < 6; count += 1) statuses.push((await exchange(edge.port, HANDSHAKE)).status);
    expect(statuses).toEqual([504, 504, 504, 504, 504, 503]);
    expect(mute.openConnections()).toBe(0);
  });

  it('leave the breaker to the others when their clients have gone', async () => {
    // It takes TCP connections and never speaks TLS.
    const mute = await recordingUpstream(() => {});
    servers.push(mute);
    await start([mute.url.replace('http:', 'https:')]);
    for (let count = 0; count < 8; count += 1) {
      const client = await rawClient(edge.port);
      client.send(HANDSHAKE);
      await expect.poll(() => mute.connections(), { interval: 5 }).toBe(count + 1);
      client.socket.end();
      await client.closed();
    }
    expect(edge.upstreams.status()).toMatchObject([{ breaker: 'closed' }]);
  });

  it('in a row are not a row when one between gets through', async () => {
    const seat = await server();
    await seat.close();
    await start([seat.url]);
    const statuses: number[] = [];
    const shake = async () => void statuses.push((await exchange(edge.port, HANDSHAKE)).status);
    for (let count = 0; count < 4; count += 1) await shake();
    const back = await recordingUpstream(TUNNELS, seat.port);
    await shake();
    await back.close();
    for (let count = 0; count < 4; count += 1) await shake();
    expect(statuses).toEqual([502, 502, 502, 502, 101, 502, 502, 502, 502]);
  });

  it('are not those that are lost after it: one client could provoke that', async () => {
    const lost: (() => void)[] = [];
    const losing = await recordingUpstream((_request, socket) => {
      lost.push(() => socket.destroy());
      if (lost.length === 8) for (const lose of lost) lose();
    });
    servers.push(losing);
    await start([losing.url]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(edge.port, HANDSHAKE)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502]));
    expect(edge.upstreams.status()).toMatchObject([{ breaker: 'closed' }]);
  });
});
