/** Answers that are handed over in one piece: who reads them steadily gets all, who stalls is cut, in plain and over TLS. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../support/certificate.ts';
import { type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { testKey } from '../support/tokens.ts';

const key = testKey('ES256');
const certificate = selfSignedCertificate(key);
const TLS = {
  certificate,
  privateKey: String(key.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  minVersion: 'TLSv1.2',
  clientAuthorities: null,
} as const;

const IDLE_MS = 500;
/** Far more than the systems of both ends keep, and than is read in that time: 64 KiB at once in plain, 16 over TLS. */
const PLAIN_BYTES = 40 * 1024 * 1024;
const TLS_BYTES = 12 * 1024 * 1024;
const PAUSE_MS = 2;

const start = listenerPerTest();
const open: Socket[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** As many bytes as the target says. */
const handler: Handler = ({ target }, answer) => answer.send(200, [], 'x'.repeat(Number(target.slice(1))));

async function client(port: number, isTls: boolean): Promise<Socket> {
  const options = { port, host: '127.0.0.1' };
  const socket = isTls ? connectTls({ ...options, ca: certificate }) : connectPlain(options);
  open.push(socket);
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once(isTls ? 'secureConnect' : 'connect', resolve));
  return socket;
}

/** Reads a little at a time until the other side ends. Gives back how many bytes came, and the last of them. */
function readSlowly(socket: Socket): Promise<{ bytes: number; tail: string }> {
  return new Promise((resolve) => {
    let bytes = 0;
    let tail = '';
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
      tail = (tail + piece.subarray(-1024).toString('latin1')).slice(-1024);
      socket.pause();
      setTimeout(() => socket.resume(), PAUSE_MS);
    });
    socket.once('close', () => resolve({ bytes, tail }));
  });
}

describe.each([
  ['in plain', null, PLAIN_BYTES],
  ['over TLS', TLS, TLS_BYTES],
])('a large answer %s', (_how, tls, size) => {
  it('reaches a client that reads slowly and steadily, and what it asked behind it too (D01)', async () => {
    const { port } = await start(handler, { tls, limits: { idleTimeoutMs: IDLE_MS } });
    const socket = await client(port, tls !== null);
    const begunAt = Date.now();
    const reading = readSlowly(socket);
    socket.write(requestOf(`/${size}`) + requestOf('/5', 'Connection: close\r\n'));
    const { bytes, tail } = await reading;
    expect(Date.now() - begunAt).toBeGreaterThan(IDLE_MS);
    expect(bytes).toBeGreaterThan(size);
    expect(tail).toMatch(/x\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n.*\r\nxxxxx\r\n0\r\n\r\n$/s);
  });

  it('that is the last of its connection reaches it whole (D01)', async () => {
    const { port } = await start(handler, { tls, limits: { idleTimeoutMs: IDLE_MS } });
    const socket = await client(port, tls !== null);
    const reading = readSlowly(socket);
    socket.write(requestOf(`/${size}`, 'Connection: close\r\n'));
    const { bytes, tail } = await reading;
    expect(bytes).toBeGreaterThan(size);
    expect(tail.endsWith('x\r\n0\r\n\r\n')).toBe(true);
  });

  it('is cut for a client that stalls within it (D01)', async () => {
    const { port, listener } = await start(handler, { tls, limits: { idleTimeoutMs: IDLE_MS } });
    const socket = await client(port, tls !== null);
    socket.write(requestOf(`/${size}`));
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.pause();
    await listener.close(60_000);
    const { bytes } = await readSlowly(socket.resume());
    expect(bytes).toBeLessThan(size);
  });
});
