/** Puts the PROXY protocol in front of a server: a connection is handed on when its header was read, or never. */
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../core/log.ts';
import { PROXY_HEADER_BYTES_MAX, parseProxyHeader } from './proxy-protocol.ts';

export interface ProxyProtocolOptions {
  /** Whether the peer may say who the client is. Others are closed: they have no business here. */
  readonly isTrusted: (address: string) => boolean;
}

interface Gate extends ProxyProtocolOptions {
  /** Until the header is complete. */
  readonly timeoutMs: number;
  readonly log: Logger | undefined;
}

/** Addresses of clients as headers told them, by the socket that HTTP is read from. */
const SOURCES = new WeakMap<Duplex, string>();

/** The address of the client of a connection: as its PROXY header says, or as the socket does. */
export function peerAddress(socket: Socket): string {
  return SOURCES.get(socket) ?? socket.remoteAddress ?? '';
}

/** Call before the server listens. */
export function acceptProxied(server: Server, gate: Gate): void {
  const accept = server.listeners('connection');
  server.removeAllListeners('connection');
  const sources = new Map<string, string>();
  server.on('connection', (socket: Socket) => {
    readSource(socket, gate, (source) => {
      remember(socket, source, sources);
      for (const listener of accept) listener.call(server, socket);
    });
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const source = sources.get(endpoints(socket));
    if (source !== undefined) SOURCES.set(socket, source);
  });
}

/** A TLS socket does not say which connection it runs on: both have the same two ends. */
function remember(socket: Socket, source: string | null, sources: Map<string, string>): void {
  if (source === null) return;
  SOURCES.set(socket, source);
  const ends = endpoints(socket);
  sources.set(ends, source);
  socket.once('close', () => sources.delete(ends));
}

function endpoints({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** Reads the header and nothing else: `onSource` finds the client's first bytes unread, and the socket paused. */
function readSource(socket: Socket, gate: Gate, onSource: (source: string | null) => void): void {
  const peer = socket.remoteAddress ?? '';
  const refuse = (cause: string) => {
    gate.log?.warn('connection refused: PROXY protocol', { peer, cause });
    socket.destroy();
  };
  const leave = () => socket.destroy();
  socket.on('error', leave).once('end', leave);
  if (!gate.isTrusted(peer)) {
    refuse('the peer is not in trustedProxies');
    return;
  }
  const timer = setTimeout(() => refuse('the header did not come in time'), gate.timeoutMs);
  socket.once('close', () => clearTimeout(timer));
  let received: Buffer = Buffer.alloc(0);
  const onData = (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
    try {
      const header = parseProxyHeader(received.subarray(0, PROXY_HEADER_BYTES_MAX));
      if (header === null) return;
      clearTimeout(timer);
      socket.off('data', onData).off('end', leave).pause();
      if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
      onSource(header.source);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
    }
  };
  socket.on('data', onData);
}
