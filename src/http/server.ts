/** A listener on node:http with every limit and timeout set by name, and answers where node:http only hangs up. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { CountersignError, type ErrorCode, toCountersignError } from '../core/errors.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import { problemBytes } from './problem.ts';
import { isAnsweredEarly } from './request-body.ts';

export interface Bind {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** What a listener serves. A rejection is answered with `internal_error`, for that request alone. */
export interface ListenerHandlers {
  /** `expectsContinue`: the client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  request(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void>;
  /** Absent: upgrades are ignored and served as plain requests. */
  upgrade?(message: IncomingMessage, response: ServerResponse, socket: Duplex): Promise<void>;
  /** A request that could not be read, answered already. */
  onUnreadable?(error: CountersignError, requestId: string, socket: Duplex): void;
}

export interface ListenerOptions {
  readonly bind: Bind;
  readonly limits: ListenerLimits;
  readonly randomId: () => string;
  readonly handlers: ListenerHandlers;
  /** Told of defects in handlers, and of connections that could not be accepted. */
  readonly log?: Logger | undefined;
}

export interface Listener {
  /** Resolves when connections are accepted. */
  start(): Promise<AddressInfo>;
  /** Stops accepting, lets requests finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** How often slow connections are looked for: the error of `headersTimeout` and `requestTimeout`. */
const TIMEOUT_CHECK_MS = 1000;

/** node:http drops header lines beyond its own limit without a word (CVE-2026-58044): it gets none, we count. */
const NO_HEADER_COUNT = 0;

export function createListener(options: ListenerOptions): Listener {
  const { limits, handlers, bind } = options;
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs), // node:http refuses a larger one
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headersTimeoutMs),
    requireHostHeader: false, // decide() refuses it with a problem; node:http would with an empty 400
    noDelay: true,
    shouldUpgradeCallback: (message) => handlers.upgrade !== undefined && isWebSocketUpgrade(message),
  });
  server.maxHeadersCount = NO_HEADER_COUNT;
  server.maxConnections = limits.connections;
  const connections = new Connections(server, options);
  server.on('request', (message, response) => connections.serve(message, response, false));
  server.on('checkContinue', (message, response) => connections.serve(message, response, true));
  server.on('checkExpectation', (message, response) => connections.serve(message, response, false));
  server.on('upgrade', (message, socket, head) => connections.upgrade(message, socket, head));
  server.on('connect', (_message, socket) =>
    connections.refuse(new CountersignError('not_implemented', 'CONNECT'), socket),
  );
  server.on('clientError', (error, socket) => connections.refuse(unreadable(error), socket));
  // Without a listener, a process out of file descriptors would end here (security row D02).
  server.on('error', ({ message }) => options.log?.error('listener failed', { cause: message }));
  return {
    start: () => listen(server, bind),
    close: (graceMs) => connections.close(graceMs),
  };
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

function listen(server: Server, bind: Bind): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(bind.port, bind.host, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new TypeError('not a TCP listener'));
      else resolve(address);
    });
  });
}

/** The open exchanges of one listener: what a broken connection, or the end, must take care of. */
class Connections {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  /** The last response of each connection: an error is not written into the middle of it. */
  readonly #responses = new WeakMap<Duplex, ServerResponse>();
  readonly #tunnels = new Set<Duplex>();
  readonly #refused = new WeakSet<Duplex>();
  readonly #open = new Set<ServerResponse>();
  #isClosing = false;

  constructor(server: Server, options: ListenerOptions) {
    this.#server = server;
    this.#options = options;
  }

  serve(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.#responses.set(message.socket, response);
    this.#open.add(response);
    if (this.#isClosing) response.shouldKeepAlive = false;
    response.once('close', () => this.#afterResponse(response));
    this.#guard(this.#options.handlers.request(message, response, expectsContinue), response);
  }

  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#tunnels.add(socket);
    socket.once('close', () => this.#tunnels.delete(socket));
    socket.on('error', () => socket.destroy());
    if (head.length > 0) {
      this.refuse(new CountersignError('bad_request', 'bytes before the upgrade was accepted'), socket);
      return;
    }
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(message.socket);
    response.once('finish', () => message.socket.destroySoon());
    this.#guard(this.#options.handlers.upgrade?.(message, response, socket), response);
  }

  /** Answers what is no request, and closes. Bytes that still arrive are parsed as nothing. */
  refuse(error: CountersignError, socket: Duplex): void {
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const response = this.#responses.get(socket);
    if (response !== undefined && !response.writableFinished) {
      this.#breakOff(error, socket, response);
      return;
    }
    const requestId = this.#options.randomId();
    socket.end(problemBytes(error, requestId));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    this.#options.handlers.onUnreadable?.(error, requestId, socket);
  }

  /** The body of a request broke while it was served: its exchange ends, and never with half an answer. */
  #breakOff(error: CountersignError, socket: Duplex, response: ServerResponse): void {
    if (isAnsweredEarly(response)) response.end();
    else if (response.headersSent || response.socket !== socket) socket.destroy();
    else socket.end(problemBytes(error, this.#options.randomId()), () => socket.destroy());
  }

  /** A defect in a handler costs one request: 500 where nothing was sent, a cut connection otherwise. */
  #guard(handled: Promise<void> | undefined, response: ServerResponse): void {
    handled?.catch((thrown: unknown) => {
      this.#options.log?.error('request handler failed', { cause: toCountersignError(thrown).message });
      if (response.headersSent || response.socket === null) {
        response.destroy();
        return;
      }
      response.socket.end(problemBytes(toCountersignError(thrown), this.#options.randomId()));
    });
  }

  #afterResponse(response: ServerResponse): void {
    this.#open.delete(response);
    if (this.#isClosing) setImmediate(() => this.#server.closeIdleConnections());
  }

  close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const response of this.#open) response.shouldKeepAlive = false;
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        this.#server.closeAllConnections();
        for (const tunnel of this.#tunnels) tunnel.destroy();
      }, graceMs);
      this.#server.close(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }
}

/** A connection with unread bytes that is closed at once loses its answer to a reset. */
const LINGER_MS = 500;

const UNREADABLE: ReadonlyMap<string, ErrorCode> = new Map([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
]);

/** A whole request line with a method that the parser does not know. */
const UNKNOWN_METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP\/1\.[01]\r?\n/;

function unreadable(error: Error & { code?: string; rawPacket?: Buffer }): CountersignError {
  const code = error.code ?? '';
  if (code === 'HPE_INVALID_METHOD' && UNKNOWN_METHOD.test(error.rawPacket?.toString('latin1') ?? ''))
    return new CountersignError('not_implemented', 'unknown method');
  return new CountersignError(UNREADABLE.get(code) ?? 'bad_request', `${code} ${error.message}`);
}
