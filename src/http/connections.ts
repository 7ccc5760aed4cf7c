/** The connections of one listener: what is served on them, how a broken one is answered, how all of them end. */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CountersignError, toCountersignError } from '../core/errors.ts';
import { problemBytes } from './problem.ts';
import { isAnsweredEarly } from './request-body.ts';
import type { ListenerOptions, OnShutdown } from './server.ts';
import { Turns } from './turns.ts';

/** A connection with unread bytes that is closed at once loses its answer to a reset. */
const LINGER_MS = 500;
/** How long a silent connection is kept while the listener closes: longer than a request is on its way. */
const IDLE_LINGER_MS = 1000;

export class Connections {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  /** An error is not written into the middle of an answer, nor before it. */
  readonly #turns = new Turns();
  /** With what is to be done before each is closed. */
  readonly #tunnels = new Map<Duplex, () => void>();
  readonly #refused = new WeakSet<Duplex>();
  readonly #open = new Set<ServerResponse>();
  /** Those without a request too: in a handshake, or before their PROXY header. */
  readonly #sockets = new Set<Socket>();
  #isClosing = false;

  constructor(server: Server, options: ListenerOptions) {
    this.#server = server;
    this.#options = options;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  serve(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.#open.add(response);
    // node:http loses bytes behind an upgrade that it does not make: what comes next may be the middle of a request.
    if (this.#isClosing || message.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    response.on('close', () => this.#open.delete(response));
    this.#turns.take(response, () => {
      this.#guard(this.#options.handlers.request(message, response, expectsContinue), response);
    });
  }

  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.once('close', () => this.#tunnels.delete(socket));
    socket.on('error', () => socket.destroy());
    const refusal = this.#refusalOfUpgrade(socket, head);
    if (refusal !== null) {
      this.refuse(refusal, socket);
      return;
    }
    this.#tunnels.set(socket, () => {});
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(message.socket);
    response.once('finish', () => message.socket.destroySoon());
    const onShutdown: OnShutdown = (goodbye) => this.#onShutdown(socket, goodbye);
    this.#guard(this.#options.handlers.upgrade?.(message, response, socket, onShutdown), response);
  }

  /** A tunnel may live for days: none is begun while others are ended. */
  #refusalOfUpgrade(socket: Duplex, head: Buffer): CountersignError | null {
    if (this.#isClosing) return new CountersignError('shutting_down', 'upgrade while draining');
    if (head.length > 0) return new CountersignError('bad_request', 'bytes before the upgrade was accepted');
    if (this.#turns.last(socket) === undefined) return null;
    return new CountersignError('bad_request', 'an upgrade behind a request that has no answer yet');
  }

  #onShutdown(tunnel: Duplex, goodbye: () => void): void {
    if (this.#isClosing) goodbye();
    else if (this.#tunnels.has(tunnel)) this.#tunnels.set(tunnel, goodbye);
  }

  /** Answers what is no request, in its turn, and closes. Bytes that still arrive are parsed as nothing. */
  refuse(error: CountersignError, socket: Duplex): void {
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const turn = this.#turns.last(socket);
    const answer = () => this.#answerUnreadable(error, socket);
    if (turn === undefined) answer();
    else if (turn.response.req.complete) turn.response.once('close', answer);
    else if (turn.hasBegun) this.#breakOff(error, socket, turn.response);
    else this.#turns.replaceLast(socket, answer);
  }

  #answerUnreadable(error: CountersignError, socket: Duplex): void {
    if (!socket.writable) return;
    const requestId = this.#options.randomId();
    socket.end(this.#problem(error, requestId));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    this.#options.handlers.onUnreadable?.(error, requestId, socket);
  }

  #problem(error: CountersignError, requestId = this.#options.randomId()): Buffer {
    return problemBytes(error, requestId, this.#options.clock());
  }

  /** The body of a request broke while it was served: its exchange ends, and never with half an answer. */
  #breakOff(error: CountersignError, socket: Duplex, response: ServerResponse): void {
    if (isAnsweredEarly(response)) response.end();
    else if (response.headersSent || response.socket !== socket) socket.destroy();
    else socket.end(this.#problem(error), () => socket.destroy());
  }

  /** A defect in a handler costs one request: 500 where nothing was sent, a cut connection otherwise. */
  #guard(handled: Promise<void> | undefined, response: ServerResponse): void {
    handled?.catch((thrown: unknown) => {
      this.#options.log?.error('request handler failed', { cause: toCountersignError(thrown).message });
      if (response.headersSent || response.socket === null) {
        response.destroy();
        return;
      }
      response.socket.end(this.#problem(toCountersignError(thrown)));
    });
  }

  /**
   * A kept connection is closed with its next response, which says so, or when it was silent for IDLE_LINGER_MS:
   * closing it at once would lose a request that is on its way.
   */
  close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const response of this.#open) response.shouldKeepAlive = false;
    for (const goodbye of this.#tunnels.values()) goodbye();
    this.#server.keepAliveTimeout = IDLE_LINGER_MS; // for responses that have begun, and said nothing
    const lingerMs = Math.min(graceMs, IDLE_LINGER_MS);
    // Timers come before sockets are read: a busy process would take a request that has arrived for silence.
    const closeSilent = () => setImmediate(() => this.#server.closeIdleConnections());
    const timers = [setTimeout(closeSilent, lingerMs), setTimeout(() => this.#cut(), graceMs)];
    return new Promise((resolve) => {
      // node:http's own close() ends idle connections at once; net's only stops accepting.
      NetServer.prototype.close.call(this.#server, () => {
        for (const timer of timers) clearTimeout(timer);
        this.#server.close(); // ends the timer with which node:http looks for slow requests
        resolve();
      });
    });
  }

  #cut(): void {
    this.#server.closeAllConnections();
    for (const tunnel of this.#tunnels.keys()) tunnel.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}
