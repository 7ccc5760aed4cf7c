/** One connection to an upstream: a request at a time, its answer, and the deadlines of both. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { HeaderList } from '../../core/headers.ts';
import { RestartedTimer } from '../../http1/restarted-timer.ts';
import { AnswerReader } from './answer-reader.ts';
import { BodyWriter } from './body-writer.ts';
import type { Link } from './connect.ts';
import { DeadlineError } from './errors.ts';
import type { RequestHead } from './request-head.ts';

/** Told what becomes of one request: either `onEnd` or `onFailure` comes last, and once. */
export interface AnswerHandler {
  /** The first byte of an answer came. */
  onBegun(): void;
  /** `status` from 200. */
  onHead(status: number, fields: HeaderList): void;
  /** False: no more until `resume()`. The piece is the handler's to keep. */
  onBody(piece: Buffer): boolean;
  onEnd(): void;
  onFailure(thrown: unknown): void;
}

/** Told what becomes of the connection. */
export interface ConnectionOwner {
  /** It may carry another request. */
  onIdle(connection: Connection): void;
  /** It will carry none any more. Called once. */
  onClosed(connection: Connection): void;
}

export interface ConnectionTimeouts {
  /** From the request sent to the head of the answer. */
  readonly responseMs: number;
  /** Between two pieces of the body of the answer. */
  readonly idleMs: number;
}

export interface OutgoingRequest {
  readonly method: string;
  readonly head: RequestHead;
  readonly body: Readable | null;
}

/** Idle connections are closed after this: below the 5 s of Node, uvicorn and gunicorn upstreams. */
const KEEP_ALIVE_MS = 4000;
/** An upstream's own hint is followed up to this, */
const KEEP_ALIVE_MAX_MS = 600_000;
/** and left so much earlier, since it counts from another moment than we do. */
const KEEP_ALIVE_MARGIN_MS = 2000;

export class Connection {
  readonly openedAtMs: number;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #reader: AnswerReader;
  readonly #responseTimer: RestartedTimer;
  readonly #bodyTimer: RestartedTimer;
  readonly #idleTimer: RestartedTimer;
  /** Null: no request is under way. */
  #handler: AnswerHandler | null = null;
  #body: BodyWriter | null = null;
  #hasBegun = false;
  #isPaused = false;
  #isClosed = false;

  constructor(
    { socket, incoming }: Link,
    timeouts: ConnectionTimeouts,
    owner: ConnectionOwner,
    openedAtMs: number,
  ) {
    this.openedAtMs = openedAtMs;
    this.#socket = socket;
    this.#owner = owner;
    this.#reader = new AnswerReader({
      onHead: (status, fields) => this.#handler?.onHead(status, fields),
      onBody: (piece) => this.#onBody(piece),
    });
    this.#responseTimer = new RestartedTimer(timeouts.responseMs, () => this.#onResponseLate());
    this.#bodyTimer = new RestartedTimer(timeouts.idleMs, () => this.#onBodyLate());
    this.#idleTimer = new RestartedTimer(KEEP_ALIVE_MS, () => this.#onIdleLate());
    incoming.onPiece((piece) => this.#onPiece(piece));
    socket
      .on('end', () => this.#onEnd())
      .on('drain', () => this.#body?.resume())
      .on('error', (error) => this.#fail(error))
      .on('close', () => this.#fail(new Error('the upstream closed the connection')));
  }

  /** True while a request may be given to it. */
  get isUsable(): boolean {
    return !this.#isClosed && this.#handler === null && this.#socket.writable;
  }

  /** Sends the request. Only where `isUsable`. */
  send({ method, head, body }: OutgoingRequest, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#hasBegun = false;
    this.#reader.expect(method);
    this.#responseTimer.restart();
    if (body === null || head.body === null) this.#socket.write(head.text, 'latin1');
    else this.#sendWithBody(head.text, body, head.body);
  }

  /** The handler takes pieces again. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#bodyTimer.restart();
    this.#socket.resume();
  }

  /** No request is under way, nor will one be from whom it was given to. */
  rest(): void {
    if (this.#isClosed) return;
    const { keepAliveMs } = this.#reader;
    const restMs = keepAliveMs === null ? KEEP_ALIVE_MS : keepAliveMs - KEEP_ALIVE_MARGIN_MS;
    if (restMs <= 0) {
      this.#close();
      return;
    }
    this.resume();
    this.#idleTimer.restart(Math.min(restMs, KEEP_ALIVE_MAX_MS));
    this.#owner.onIdle(this);
  }

  /** Ends the request, if there is one, and the connection. */
  abort(reason: Error): void {
    this.#fail(reason);
  }

  #sendWithBody(head: string, body: Readable, framing: number | 'chunked'): void {
    const writer = new BodyWriter(body, framing, this.#socket, {
      onProgress: () => this.#responseTimer.restart(),
      onBroken: (error) => this.#fail(error),
    });
    this.#body = writer;
    // What of the body is at hand leaves with the head.
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    writer.start();
    setImmediate(() => this.#socket.uncork());
  }

  #onPiece(piece: Buffer): void {
    const handler = this.#handler;
    if (handler === null) {
      // Bytes that answer nothing would be taken for the answer to what comes next.
      this.#close();
      return;
    }
    try {
      if (!this.#hasBegun) {
        this.#hasBegun = true;
        handler.onBegun();
      }
      const used = this.#reader.read(piece);
      if (this.#handler !== handler) return;
      if (this.#reader.isDone) this.#finish(handler, used < piece.length);
      else if (this.#reader.hasHead) this.#bodyTimer.restart();
    } catch (thrown) {
      this.#failSoon(thrown);
    }
  }

  /** What was handed over before leaves first: the client sees how far the answer came. */
  #failSoon(thrown: unknown): void {
    const handler = this.#detach();
    setImmediate(() => handler?.onFailure(thrown));
  }

  #onBody(piece: Buffer): void {
    const handler = this.#handler;
    if (handler === null || handler.onBody(piece) || this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #onEnd(): void {
    const handler = this.#handler;
    if (handler !== null && this.#reader.finish()) this.#finish(handler, true);
    else this.#fail(new Error('the upstream closed the connection'));
  }

  /** The answer is whole. The connection is kept only where nothing of this exchange can reach the next one. */
  #finish(handler: AnswerHandler, hasSurplus: boolean): void {
    const body = this.#body;
    this.#handler = null;
    this.#body = null;
    const isSent = (body === null || body.isDone) && this.#socket.writableLength === 0;
    if (isSent && !hasSurplus && this.#reader.isPersistent) this.rest();
    else this.#close();
    handler.onEnd();
    body?.stop();
  }

  #fail(thrown: unknown): void {
    this.#detach()?.onFailure(thrown);
  }

  /** Closes the connection. Returns whom to tell, if anybody. */
  #detach(): AnswerHandler | null {
    const handler = this.#handler;
    const body = this.#body;
    this.#handler = null;
    this.#body = null;
    this.#close();
    body?.stop();
    return handler;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#responseTimer.cancel();
    this.#bodyTimer.cancel();
    this.#idleTimer.cancel();
    this.#socket.destroy();
    this.#owner.onClosed(this);
  }

  /** A client that sends its body slowly is the listener's business; an upstream that does not take it is ours. */
  #onResponseLate(): void {
    if (this.#handler === null || this.#reader.hasHead) return;
    const waitsForClient = this.#body !== null && !this.#body.isDone && !this.#socket.writableNeedDrain;
    if (waitsForClient) this.#responseTimer.restart();
    else this.#fail(new DeadlineError('no answer in time'));
  }

  /** While the client takes nothing, the upstream cannot go on. */
  #onBodyLate(): void {
    if (this.#handler === null || !this.#reader.hasHead || this.#isPaused) return;
    this.#fail(new DeadlineError('the answer stopped'));
  }

  #onIdleLate(): void {
    if (this.#handler === null) this.#close();
  }
}
