/** A listener: a server on node:net or node:tls, and HTTP/1.1 of our own above it with every limit set by name. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { CountersignError } from '../core/errors.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Logger } from '../core/log.ts';
import type { Clock } from '../core/time.ts';
import { Connections } from './connections.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import type { IncomingRequest, UnservedRequest } from './http1/incoming-request.ts';
import { acceptProxied, type ProxyProtocolOptions, peerAddress } from './proxied-connections.ts';
import { createTlsServer, isTlsServer, setTls } from './tls.ts';

export interface Bind {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Other processes of the same user accept connections there too; the kernel spreads them (SO_REUSEPORT). */
  readonly isShared?: boolean;
}

/** Takes what a tunnel has to say before its listener closes; called at once where it is closing already. */
export type OnShutdown = (goodbye: () => void) => void;

/** What a listener serves. A rejection is answered with `internal_error`, for that request alone. */
export interface ListenerHandlers {
  request(request: IncomingRequest, answer: AnswerWriter): Promise<void>;
  /** Absent: upgrades are ignored and served as plain requests. The socket is paused, and read up to the head. */
  upgrade?(
    request: IncomingRequest,
    answer: AnswerWriter,
    socket: Socket,
    onShutdown: OnShutdown,
  ): Promise<void>;
  /** A request that could not be read, or that comes too late for what it asks. Its connection answers it. */
  onUnreadable?(error: CountersignError, request: UnservedRequest): void;
}

export interface ListenerOptions {
  readonly bind: Bind;
  readonly limits: ListenerLimits;
  readonly randomId: () => string;
  readonly handlers: ListenerHandlers;
  readonly clock: Clock;
  /** Absent or null: plain HTTP. */
  readonly tls?: ListenerTls | null | undefined;
  /** Absent or null: connections begin with the client's own bytes. */
  readonly proxyProtocol?: ProxyProtocolOptions | null | undefined;
  /** Told of defects in handlers, and of connections that could not be accepted. */
  readonly log?: Logger | undefined;
}

export interface Listener {
  /** Resolves when connections are accepted. */
  start(): Promise<AddressInfo>;
  /** Connections made from now on use these; others go on with what they have. Only for a listener made with TLS. */
  setTls(tls: ListenerTls): void;
  /** Stops accepting, says so to clients, lets requests finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** A client that ends its side is noticed here, and a tunnel passes it on: node:net shall not answer it. */
const SOCKETS = { allowHalfOpen: true, noDelay: true };

export function createListener(options: ListenerOptions): Listener {
  const { limits, bind, log, tls = null, proxyProtocol = null } = options;
  const server =
    tls === null ? createServer(SOCKETS) : createTlsServer(SOCKETS, tls, limits.headersTimeoutMs, log);
  server.maxConnections = limits.connections;
  const connections = new Connections(server, options);
  const isTls = tls !== null;
  server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) =>
    connections.serve(socket, { address: peerAddress(socket), isTls }),
  );
  if (proxyProtocol !== null)
    acceptProxied(server, { ...proxyProtocol, timeoutMs: limits.headersTimeoutMs, log });
  // Behind the one for PROXY headers, which holds back all that were there before.
  server.on('connection', (socket: Socket) => connections.track(socket));
  // Without a listener, a process out of file descriptors would end here (security row D02).
  server.on('error', ({ message }) => log?.error('listener failed', { cause: message }));
  return {
    start: () => listen(server, bind),
    setTls: (next) => changeTls(server, next),
    close: (graceMs) => connections.close(graceMs),
  };
}

/** @throws TypeError for a listener without TLS: whether there is TLS is decided when it is made */
function changeTls(server: Server, next: ListenerTls): void {
  if (!isTlsServer(server)) throw new TypeError('the listener has no TLS');
  setTls(server, next);
}

function listen(server: Server, { host, port, isShared = false }: Bind): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort: isShared }, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new TypeError('not a TCP listener'));
      else resolve(address);
    });
  });
}
