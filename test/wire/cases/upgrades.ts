/** WebSocket handshakes and the answers to them, each of which may open a tunnel or must not. */
import { createHash } from 'node:crypto';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // RFC 6455 §1.3

const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

export const HANDSHAKE = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Key', KEY],
  ['Sec-WebSocket-Version', '13'],
] as const;

const lines = (headers: readonly (readonly [string, string])[]) =>
  headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
const without = (...names: string[]) => lines(HANDSHAKE.filter(([name]) => !names.includes(name)));

/** Raw header lines of a handshake as RFC 6455 §4.1 wants it. */
export const GOOD_HANDSHAKE = lines(HANDSHAKE);

const switching = (...headers: [string, string][]) =>
  `HTTP/1.1 101 Switching Protocols\r\n${lines(headers)}\r\n`;
const UPGRADE: [string, string] = ['Upgrade', 'websocket'];
const CONNECTION: [string, string] = ['Connection', 'Upgrade'];

export const GOOD_SWITCH = switching(UPGRADE, CONNECTION, ['Sec-WebSocket-Accept', ACCEPT]);

/** Answers to a good handshake. 502: no tunnel, and nothing of the answer. Others are relayed as plain answers. */
export const REFUSING_ANSWERS = [
  {
    name: 'a 101 with another accept',
    row: 'W04',
    bytes: GOOD_SWITCH.replace(ACCEPT, `A${ACCEPT.slice(1)}`),
    status: 502,
  },
  { name: 'a 101 without accept', row: 'W04', bytes: switching(UPGRADE, CONNECTION), status: 502 },
  {
    name: 'a 101 with two accepts',
    row: 'W04',
    bytes: switching(UPGRADE, CONNECTION, ['Sec-WebSocket-Accept', 'x'], ['Sec-WebSocket-Accept', ACCEPT]),
    status: 502,
  },
  {
    name: 'a 101 without Upgrade',
    row: 'W04',
    bytes: switching(CONNECTION, ['Sec-WebSocket-Accept', ACCEPT]),
    status: 502,
  },
  {
    name: 'a 101 without Connection',
    row: 'W04',
    bytes: switching(UPGRADE, ['Sec-WebSocket-Accept', ACCEPT]),
    status: 502,
  },
  {
    name: 'a 101 to h2c',
    row: 'W04',
    bytes: switching(['Upgrade', 'h2c'], CONNECTION, ['Sec-WebSocket-Accept', ACCEPT]),
    status: 502,
  },
  {
    name: 'a 101 that is split',
    row: 'H10',
    bytes: GOOD_SWITCH.replace('\r\n\r\n', '\r\nX-A: b\rX-B: c\r\n\r\n'),
    status: 502,
  },
  { name: 'no HTTP', row: 'H10', bytes: 'hello\r\n\r\n', status: 502 },
  { name: 'a 200', row: 'W02', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno', status: 200 },
  {
    name: 'a 200 in chunks',
    row: 'W02',
    bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    status: 200,
  },
  { name: 'a 204', row: 'W02', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204 },
  {
    name: 'a 302',
    row: 'W02',
    bytes: 'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
    status: 302,
  },
  {
    name: 'a 426',
    row: 'W02',
    bytes: 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n',
    status: 426,
  },
  {
    name: 'a 500 with Upgrade',
    row: 'W02',
    bytes: 'HTTP/1.1 500 No\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
    status: 500,
  },
] as const;

/** Handshakes that are none: served as plain requests, without a word of the upgrade (row W03). */
export const PLAIN_REQUESTS = [
  {
    name: 'h2c',
    lines: lines([
      ['Connection', 'Upgrade, HTTP2-Settings'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
    ]),
  },
  {
    name: 'h2c beside websocket',
    lines: GOOD_HANDSHAKE.replace('Upgrade: websocket', 'Upgrade: h2c, websocket'),
  },
  { name: 'TLS/1.0', lines: GOOD_HANDSHAKE.replace('Upgrade: websocket', 'Upgrade: TLS/1.0') },
  {
    name: 'a version behind the name',
    lines: GOOD_HANDSHAKE.replace('Upgrade: websocket', 'Upgrade: websocket/13'),
  },
  { name: 'no Connection', lines: without('Connection') },
  { name: 'Connection: keep-alive', lines: `${without('Connection')}Connection: keep-alive\r\n` },
  { name: 'no Upgrade', lines: without('Upgrade') },
  { name: 'two Upgrade lines', lines: `${GOOD_HANDSHAKE}Upgrade: h2c\r\n` },
  { name: 'POST', method: 'POST', lines: `${GOOD_HANDSHAKE}Content-Length: 0\r\n` },
  { name: 'HTTP/1.0', version: '1.0', lines: GOOD_HANDSHAKE },
  { name: 'a length', lines: `${GOOD_HANDSHAKE}Content-Length: 0\r\n` },
] as const;
