/** A listener on node:http with every limit and timeout set by name, and answers where node:http only hangs up. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { CountersignError, type ErrorCode } from '../core/errors.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Logger } from '../core/log.ts';
import type { Clock } from '../core/time.ts';
import { Connections } from './connections.ts';
import { acceptProxied, type ProxyProtocolOptions } from './proxied-connections.ts';
import { createTlsServer, setTls, type TlsServer } from './tls.ts';

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
  /** `expectsContinue`: the client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  request(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void>;
  /** Absent: upgrades are ignored and served as plain requests. */
  upgrade?(
    message: IncomingMessage,
    response: ServerResponse,
    socket: Duplex,
    onShutdown: OnShutdown,
  ): Promise<void>;
  /** A request that could not be read, answered already. */
  onUnreadable?(error: CountersignError, requestId: string, socket: Duplex): void;
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

/** How often slow connections are looked for: the error of `headersTimeout` and `requestTimeout`. */
const TIMEOUT_CHECK_MS = 1000;

/** node:http drops header lines beyond its own limit without a word (CVE-2026-58044): it gets none, we count. */
const NO_HEADER_COUNT = 0;

export function createListener(options: ListenerOptions): Listener {
  const { limits, bind, log, tls = null, proxyProtocol = null } = options;
  const tlsServer = tls === null ? null : createTlsServer(serverOptions(options), tls, log);
  const server: Server = tlsServer ?? createServer(serverOptions(options));
  server.maxHeadersCount = NO_HEADER_COUNT;
  server.maxConnections = limits.connections;
  if (proxyProtocol !== null)
    acceptProxied(server, { ...proxyProtocol, timeoutMs: limits.headersTimeoutMs, log });
  const connections = new Connections(server, options);
  route(server, connections);
  // Without a listener, a process out of file descriptors would end here (security row D02).
  server.on('error', ({ message }) => log?.error('listener failed', { cause: message }));
  return {
    start: () => listen(server, bind),
    setTls: (next) => changeTls(tlsServer, next),
    close: (graceMs) => connections.close(graceMs),
  };
}

function serverOptions({ limits, handlers }: ListenerOptions): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs), // node:http refuses a larger one
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headersTimeoutMs),
    requireHostHeader: false, // decide() refuses it with a problem; node:http would with an empty 400
    noDelay: true,
    optimizeEmptyRequests: true, // no stream for a body that cannot come
    shouldUpgradeCallback: (message) => handlers.upgrade !== undefined && isWebSocketUpgrade(message),
  };
}

function route(server: Server, connections: Connections): void {
  server.on('request', (message, response) => connections.serve(message, response, false));
  server.on('checkContinue', (message, response) => connections.serve(message, response, true));
  server.on('checkExpectation', (message, response) => connections.serve(message, response, false));
  server.on('upgrade', (message, socket, head) => connections.upgrade(message, socket, head));
  server.on('connect', (_message, socket) =>
    connections.refuse(new CountersignError('not_implemented', 'CONNECT'), socket),
  );
  server.on('clientError', (error, socket) => connections.refuse(unreadable(error), socket));
}

/** @throws TypeError for a listener without TLS: whether there is TLS is decided when it is made */
function changeTls(server: TlsServer | null, next: ListenerTls): void {
  if (server === null) throw new TypeError('the listener has no TLS');
  setTls(server, next);
}

/** Only WebSocket passes, and only as RFC 6455 §4.1 writes it; h2c and others are served as plain requests. */
function isWebSocketUpgrade(message: IncomingMessage): boolean {
  const { headers, method, httpVersion } = message;
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined
  );
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

const UNREADABLE: ReadonlyMap<string, ErrorCode> = new Map([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
]);

/** What node:http tells of bytes that are no request. */
interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** A whole request line with a method that the parser does not know. */
const UNKNOWN_METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP\/1\.[01]\r?\n/;

function unreadable(error: ParserError): CountersignError {
  const code = error.code ?? '';
  if (code === 'HPE_INVALID_METHOD' && UNKNOWN_METHOD.test(unreadLine(error)))
    return new CountersignError('not_implemented', 'unknown method');
  return new CountersignError(UNREADABLE.get(code) ?? 'bad_request', `${code} ${error.message}`);
}

/** From the beginning of the line that was not understood: other requests may stand before it. */
function unreadLine({ rawPacket, bytesParsed = 0 }: ParserError): string {
  const text = rawPacket?.toString('latin1') ?? '';
  return text.slice(text.lastIndexOf('\n', Math.max(0, bytesParsed - 1)) + 1);
}
