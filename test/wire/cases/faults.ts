/** What an upstream may do to one request, by name; the client chooses with the header `X-Fault`. */
import type { Socket } from 'node:net';
import { valuesOf, type WireMessage } from '../support/http-message.ts';
import { answerTo, type Behaviour, TAG, tagOf } from '../support/upstream.ts';

type Answer = (request: WireMessage, socket: Socket) => void;

/** An answer that belongs to nobody: no client may ever see it. */
const STRAY = `HTTP/1.1 200 OK\r\n${TAG}: stray\r\nContent-Length: 4\r\n\r\nevil`;

const write = (socket: Socket, bytes: string) => void socket.write(Buffer.from(bytes, 'latin1'));

function inChunks(request: WireMessage): string {
  const { length } = tagOf(request);
  return `HTTP/1.1 200 OK\r\n${TAG}: ${tagOf(request)}\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${tagOf(request)}\r\n0\r\n\r\n`;
}

/**
 * Each when the request is whole. A stray answer comes with the good one: one that comes later, when the connection
 * carries another request, nobody can tell from that request's own. HTTP/1.1 has no request numbers.
 */
export const FAULTS: Readonly<Record<string, Answer>> = {
  none: (request, socket) => write(socket, answerTo(request)),
  chunked: (request, socket) => write(socket, inChunks(request)),
  close: (request, socket) => void socket.end(Buffer.from(answerTo(request), 'latin1')),
  later: (request, socket) => void setImmediate(() => setImmediate(() => write(socket, answerTo(request)))),
  hint: (request, socket) => write(socket, `HTTP/1.1 103 Early Hints\r\n\r\n${answerTo(request)}`),
  twice: (request, socket) => write(socket, answerTo(request) + answerTo(request)),
  stray: (request, socket) => write(socket, answerTo(request) + STRAY),
  extra: (request, socket) => write(socket, `${answerTo(request)}extra bytes`),
  short: (request, socket) => void socket.end(Buffer.from(answerTo(request).slice(0, -1), 'latin1')),
  cutHead: (request, socket) => void socket.end(Buffer.from(answerTo(request).slice(0, 20), 'latin1')),
  reset: (request, socket) => {
    write(socket, answerTo(request).slice(0, -3));
    setImmediate(() => socket.resetAndDestroy());
  },
  gone: (_request, socket) => void socket.resetAndDestroy(),
  framedTwice: (_request, socket) =>
    write(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nevil'),
};

/** Serves requests as their `X-Fault` says; `early` answers at the head, before the body is there. */
export const FAULTY: Behaviour = {
  onHead: (head, socket) => {
    if (faultOf(head) === 'early') write(socket, answerTo({ ...head, body: '' }));
  },
  onRequest: (request, socket) => FAULTS[faultOf(request)]?.(request, socket),
};

function faultOf(head: Omit<WireMessage, 'body'>): string {
  return valuesOf(head, 'x-fault')[0] ?? 'none';
}
