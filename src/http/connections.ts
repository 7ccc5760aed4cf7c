/** The connections of one listener: what is served on them, how a broken one is answered, how all of them end. */
import type { Server, Socket } from 'node:net';
import { type CountersignError, toCountersignError } from '../core/errors.ts';
import type { HeaderList } from '../core/headers.ts';
import type { ListenerLimits } from '../core/limits.ts';
import { SECOND_MS } from '../core/time.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import { CLOSING_IDLE_MS, type ConnectionOwner, ServerConnection } from './http1/connection.ts';
import { createDateLine } from './http1/date-line.ts';
import type { IncomingRequest, Peer, UnservedRequest } from './http1/incoming-request.ts';
import type { RequestFraming } from './http1/request-framing.ts';
import type { RequestHead } from './http1/request-reader.ts';
import { requestIdOf } from './request-id.ts';
import type { ListenerOptions, OnShutdown } from './server.ts';

export class Connections implements ConnectionOwner {
  readonly limits: ListenerLimits;
  readonly keepAliveLines: string;
  readonly dateLine: () => string;
  isClosing = false;
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #open = new Set<ServerConnection>();
  /** With what is to be done before each is closed. */
  readonly #tunnels = new Map<ServerConnection, () => void>();
  /** Those without a request too: in a handshake, or before their PROXY header. */
  readonly #sockets = new Set<Socket>();

  constructor(server: Server, options: ListenerOptions) {
    this.limits = options.limits;
    this.keepAliveLines = keepAliveLines(options.limits);
    this.dateLine = createDateLine(options.clock);
    this.#server = server;
    this.#options = options;
  }

  /** Remembers a connection that was made, whatever becomes of it. */
  track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Reads requests from the socket, from its next byte on. */
  serve(socket: Socket, peer: Peer): void {
    this.#open.add(new ServerConnection(socket, peer, this));
  }

  onRequest(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void {
    this.#guard(this.#options.handlers.request(request, answer), answer, connection);
  }

  idOf(headers: HeaderList): string {
    return requestIdOf(headers) ?? this.#options.randomId();
  }

  /** Only WebSocket passes, and only as RFC 6455 §4.1 writes it; h2c and others are served as plain requests. */
  takesUpgrade({ method, httpVersion }: RequestHead, framing: RequestFraming): boolean {
    return (
      this.#options.handlers.upgrade !== undefined &&
      method === 'GET' &&
      httpVersion === '1.1' &&
      framing.upgrade === 'websocket' &&
      framing.isUpgrade &&
      !framing.isFramed &&
      !framing.hasExpectation
    );
  }

  onUpgrade(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void {
    this.#tunnels.set(connection, () => {});
    const onShutdown: OnShutdown = (goodbye) => this.#onShutdown(connection, goodbye);
    const handled = this.#options.handlers.upgrade?.(request, answer, connection.socket, onShutdown);
    this.#guard(handled, answer, connection);
  }

  onUnserved(error: CountersignError, request: UnservedRequest): void {
    const { handlers, log } = this.#options;
    try {
      handlers.onUnreadable?.(error, request);
    } catch (thrown) {
      log?.error('an unreadable request was not recorded', { cause: toCountersignError(thrown).message });
    }
  }

  onClosed(connection: ServerConnection): void {
    this.#open.delete(connection);
    this.#tunnels.delete(connection);
  }

  /**
   * A kept connection is closed with its next answer, which says so, or when it was silent for CLOSING_IDLE_MS:
   * closing it at once would lose a request that is on its way.
   */
  close(graceMs: number): Promise<void> {
    this.isClosing = true;
    for (const goodbye of this.#tunnels.values()) goodbye();
    // Timers come before sockets are read: a busy process would take a request that has arrived for silence.
    const closeSilent = () => setImmediate(() => this.#closeSilent());
    const timers = [
      setTimeout(closeSilent, Math.min(graceMs, CLOSING_IDLE_MS)),
      setTimeout(() => this.#cut(), graceMs),
    ];
    return new Promise((resolve) => {
      this.#server.close(() => {
        for (const timer of timers) clearTimeout(timer);
        resolve();
      });
    });
  }

  #closeSilent(): void {
    for (const connection of this.#open) if (!this.#tunnels.has(connection)) connection.closeIfSilent();
  }

  #cut(): void {
    for (const connection of this.#open) connection.cutOff();
    for (const socket of this.#sockets) socket.destroy();
  }

  #onShutdown(connection: ServerConnection, goodbye: () => void): void {
    if (this.isClosing) goodbye();
    else if (this.#tunnels.has(connection)) this.#tunnels.set(connection, goodbye);
  }

  /** A defect in a handler costs one request: 500 where nothing was sent, a cut connection otherwise. */
  #guard(handled: Promise<void> | undefined, answer: AnswerWriter, connection: ServerConnection): void {
    handled?.catch((thrown: unknown) => {
      const error = toCountersignError(thrown);
      this.#options.log?.error('request handler failed', {
        request_id: answer.requestId,
        cause: error.message,
      });
      connection.failed(answer, error);
    });
  }
}

function keepAliveLines({ idleTimeoutMs }: ListenerLimits): string {
  const seconds = Math.floor(idleTimeoutMs / SECOND_MS);
  return `Connection: keep-alive\r\n${seconds === 0 ? '' : `Keep-Alive: timeout=${seconds}\r\n`}`;
}
