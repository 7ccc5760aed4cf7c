/**
 * One connection of a listener: a request at a time, its answer, and the deadlines of both. What is pipelined waits
 * until the answer before it has been handed over whole, and is never read where that answer closed the connection
 * (RFC 9112 §9.3.2, §9.6): what stands behind a refused request may be the rest of it (security rows S04 and S06).
 */
import type { Socket } from 'node:net';
import { CountersignError } from '../../core/errors.ts';
import type { ListenerLimits } from '../../core/limits.ts';
import { SectionTooLargeError } from '../../http1/errors.ts';
import { RestartedTimer } from '../../http1/restarted-timer.ts';
import { type AnswerCarrier, AnswerWriter } from './answer-writer.ts';
import { type BodyReader, createBodyReader } from './body-reader.ts';
import type { IncomingRequest, Peer } from './incoming-request.ts';
import { RequestBody } from './request-body.ts';
import { framingOf, type RequestFraming } from './request-framing.ts';
import { requireServedMethod } from './request-line.ts';
import { type RequestHead, RequestReader } from './request-reader.ts';

/** Told what becomes of a connection. */
export interface ConnectionOwner {
  readonly limits: ListenerLimits;
  /** The listener takes no more: each answer is the last of its connection. */
  readonly isClosing: boolean;
  readonly keepAliveLines: string;
  dateLine(): string;
  onRequest(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void;
  /** True: the request is an upgrade that the listener takes over, with the socket. */
  takesUpgrade(request: IncomingRequest, framing: RequestFraming): boolean;
  onUpgrade(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void;
  /** The bytes of an answer to what is no request, and its mention in the log. */
  refusal(error: CountersignError, connection: ServerConnection | null): Buffer;
  onClosed(connection: ServerConnection): void;
}

/** What is read of an unwanted body before the connection is closed instead. */
const DRAIN_BYTES_MAX = 64 * 1024;
const DRAIN_MS_MAX = 1000;
/** A connection with unread bytes that is closed at once loses its answer to a reset. */
const LINGER_MS = 500;
/** Pipelined bytes that wait before the connection is not read any further. */
const HELD_BYTES_MAX = 64 * 1024;
/** Bytes that wait in the socket before the next answer does, and before an upstream is told to wait. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** A kept connection is closed so much later than we say: a request may be on its way when the time is up. */
const IDLE_MARGIN_MS = 1000;
/** How long a silent connection is kept while the listener closes: longer than a request is on its way. */
export const CLOSING_IDLE_MS = 1000;

export class ServerConnection implements AnswerCarrier {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly #owner: ConnectionOwner;
  readonly #reader: RequestReader;
  readonly #headTimer: RestartedTimer;
  readonly #bodyTimer: RestartedTimer;
  readonly #idleTimer: RestartedTimer;
  readonly #stallTimer: RestartedTimer;
  /** The answer under way; null: none is. */
  #answer: AnswerWriter | null = null;
  /** The body under way, which may outlast its answer; null: all of it came. */
  #bodyReader: BodyReader | null = null;
  #body: RequestBody | null = null;
  /** Bytes of an unwanted body since its answer. */
  #drainedBytes = 0;
  #isDraining = false;
  /** Pipelined bytes that wait for their turn. */
  #held: Buffer | null = null;
  #isTaking = false;
  /** The request under way lets another follow it. */
  #isPersistent = true;
  /** What comes is nothing any more: the connection was refused, is being closed, or became a tunnel. */
  #isDeaf = false;
  #hasRequested = false;
  #isStalled = false;

  readonly #onData = (piece: Buffer) => this.#receive(piece);
  readonly #onEnd = () => this.#onClientEnd();
  readonly #onDrain = () => this.#onSocketDrain();

  constructor(socket: Socket, peer: Peer, owner: ConnectionOwner) {
    const { limits } = owner;
    this.socket = socket;
    this.peer = peer;
    this.#owner = owner;
    this.#reader = new RequestReader(limits.headerBytes, limits.headerCount);
    this.#headTimer = new RestartedTimer(limits.headersTimeoutMs, () => this.#onHeadLate());
    this.#bodyTimer = new RestartedTimer(limits.requestTimeoutMs, () => this.#onBodyLate());
    this.#idleTimer = new RestartedTimer(limits.idleTimeoutMs + IDLE_MARGIN_MS, () => this.#onIdleLate());
    this.#stallTimer = new RestartedTimer(limits.idleTimeoutMs, () => this.#onStalled());
    socket
      .on('error', () => socket.destroy())
      .on('close', () => this.#onClosed())
      .on('drain', this.#onDrain)
      .on('end', this.#onEnd)
      .on('data', this.#onData);
    this.#resume(); // a PROXY header was read before, and the socket paused
    this.#headTimer.restart();
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  get mayPersist(): boolean {
    return this.#isPersistent && !this.#owner.isClosing;
  }

  get keepAliveLines(): string {
    return this.#owner.keepAliveLines;
  }

  dateLine(): string {
    return this.#owner.dateLine();
  }

  write(data: string | Buffer): boolean {
    if (this.isClosed) return true;
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
    return this.#isTaken();
  }

  writeAll(pieces: readonly (string | Buffer)[]): boolean {
    this.socket.cork();
    for (const piece of pieces) this.write(piece);
    this.socket.uncork();
    return this.#isTaken();
  }

  cut(looksComplete: boolean): void {
    // HTTP/1.0 has no chunks: a close would be the end of the body (RFC 9112 §6.3). TLS tells the two apart by itself.
    if (looksComplete && !this.peer.isTls) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  onAnswered(): void {
    const isLast = this.#answer?.isLast !== false;
    this.#answer = null;
    if (this.#isDeaf) this.socket.destroySoon();
    else if (isLast) this.#closeGently();
    else if (this.#bodyReader !== null) this.#drain();
    else if (!this.#isTaking) this.#goOn();
  }

  /** Closes a connection on which nothing is under way. */
  closeIfSilent(): void {
    if (this.#answer === null && !this.#reader.hasBegun && this.#held === null && !this.#isDraining)
      this.socket.destroySoon();
  }

  /** Answers what is no request, and closes. Bytes that still arrive are parsed as nothing. */
  refuse(error: CountersignError): void {
    if (this.#isDeaf && this.#answer === null) return;
    const answer = this.#answer;
    this.#body?.destroy(error);
    if (answer === null || answer.isDone) {
      if (!this.#isDraining) this.socket.write(this.#owner.refusal(error, this));
      this.#closeGently();
    } else if (answer.isBegun) this.socket.destroy();
    else {
      this.#isDeaf = true;
      this.socket.end(this.#owner.refusal(error, null), () => this.socket.destroy());
    }
  }

  /** The handler has no answer: what it was given is cut off, or told so. */
  failed(answer: AnswerWriter, error: CountersignError): void {
    if (answer !== this.#answer || answer.isDone) return;
    if (answer.isBegun) this.socket.destroy();
    else {
      this.#isDeaf = true;
      this.socket.end(this.#owner.refusal(error, null));
    }
  }

  #receive(piece: Buffer): void {
    if (this.#isDeaf) return;
    if (this.#held !== null) this.#hold(piece);
    else this.#take(piece);
  }

  #take(piece: Buffer): void {
    this.#isTaking = true;
    try {
      let at = 0;
      while (at < piece.length && !this.#isDeaf) {
        if (this.#bodyReader !== null) at = this.#readBody(this.#bodyReader, piece, at);
        else if (this.#answer !== null || this.#hasUnsent()) {
          this.#hold(piece.subarray(at));
          break;
        } else at = this.#readHead(piece, at);
      }
    } catch (thrown) {
      this.refuse(unreadable(thrown));
    }
    this.#isTaking = false;
  }

  #readHead(piece: Buffer, start: number): number {
    const hadBegun = this.#reader.hasBegun;
    const end = this.#reader.read(piece, start);
    const head = this.#reader.take();
    if (head !== null) this.#begin(head, end < piece.length);
    else if (!hadBegun && this.#hasRequested) this.#headTimer.restart();
    return end;
  }

  #begin(head: RequestHead, hasMore: boolean): void {
    this.#hasRequested = true;
    const framing = framed(head);
    const isRefused = framing instanceof CountersignError;
    const request = this.#requestOf(head, framing);
    this.#isPersistent = !isRefused && isPersistent(head, framing);
    const answer = new AnswerWriter(this, request);
    this.#answer = answer;
    if (!isRefused && this.#owner.takesUpgrade(request, framing)) this.#upgrade(request, answer, hasMore);
    else this.#owner.onRequest(request, answer, this);
  }

  #requestOf(head: RequestHead, framing: RequestFraming | CountersignError): IncomingRequest {
    const { method, target, httpVersion, headers } = head;
    const isRefused = framing instanceof CountersignError;
    const body = isRefused || framing.body === 0 ? null : this.#beginBody(framing);
    return {
      method,
      target,
      headers,
      httpVersion,
      peer: this.peer,
      body,
      expectsContinue: !isRefused && framing.expectsContinue,
      isDrainable: !isRefused && isDrainable(framing),
      refusal: isRefused ? framing : null,
    };
  }

  #beginBody(framing: RequestFraming): RequestBody {
    const body = new RequestBody(() => this.#resume());
    this.#bodyReader = createBodyReader(framing.body, (data) => this.#onBody(data));
    this.#body = body;
    this.#bodyTimer.restart();
    return body;
  }

  #readBody(reader: BodyReader, piece: Buffer, start: number): number {
    const end = reader.read(piece, start);
    if (!reader.isDone) return end;
    const body = this.#body;
    this.#bodyReader = null;
    this.#body = null;
    body?.push(null);
    if (this.#isDraining) this.#drained();
    return end;
  }

  #onBody(data: Buffer): void {
    const body = this.#body;
    if (this.#isDraining || body === null || body.destroyed) {
      this.#drainedBytes += data.length;
      if (this.#isDraining && this.#drainedBytes > DRAIN_BYTES_MAX) this.#closeGently();
    } else if (!body.push(data)) this.socket.pause();
  }

  /** The answer is whole, and its request is not: the rest is read where it is short. */
  #drain(): void {
    this.#isDraining = true;
    this.#drainedBytes = 0;
    this.#body?.destroy();
    this.#bodyTimer.restart(DRAIN_MS_MAX);
    this.#resume();
  }

  #drained(): void {
    this.#isDraining = false;
    this.#bodyTimer.restart(this.#owner.limits.requestTimeoutMs);
    if (!this.#isTaking) this.#goOn();
    else this.#rest();
  }

  /** The next request, where one waits. */
  #goOn(): void {
    if (this.#hasUnsent()) return;
    const held = this.#held;
    this.#held = null;
    if (held !== null) {
      this.#resume();
      this.#take(held);
    }
    if (this.#answer === null) this.#rest();
  }

  /** While the listener closes, a client that was not told may still send a request. */
  #rest(): void {
    const { isClosing, limits } = this.#owner;
    this.#idleTimer.restart(isClosing ? CLOSING_IDLE_MS : limits.idleTimeoutMs + IDLE_MARGIN_MS);
  }

  #hold(piece: Buffer): void {
    this.#held = this.#held === null ? piece : Buffer.concat([this.#held, piece]);
    if (this.#held.length >= HELD_BYTES_MAX) this.socket.pause();
  }

  #resume(): void {
    if (this.socket.isPaused()) this.socket.resume();
  }

  /** A tunnel: the listener has the socket from here on, with nothing read of it but the head. */
  #upgrade(request: IncomingRequest, answer: AnswerWriter, hasMore: boolean): void {
    if (hasMore) {
      this.#answer = null;
      this.refuse(new CountersignError('bad_request', 'bytes before the upgrade was accepted'));
      return;
    }
    answer.isLast = true;
    this.#isDeaf = true;
    this.#headTimer.cancel();
    this.#idleTimer.cancel();
    this.socket.off('data', this.#onData).off('end', this.#onEnd).pause();
    this.#owner.onUpgrade(request, answer, this);
  }

  #isTaken(): boolean {
    if (!this.#hasUnsent()) return true;
    if (!this.#isStalled) {
      this.#isStalled = true;
      this.#stallTimer.restart();
    }
    return false;
  }

  #hasUnsent(): boolean {
    return this.socket.writableLength > UNSENT_BYTES_MAX;
  }

  #onSocketDrain(): void {
    this.#isStalled = false;
    this.#answer?.drained();
    if (this.#answer === null && this.#held !== null && !this.#isTaking) this.#goOn();
  }

  /** Nothing more is read as a request. What the client still sends is taken, so that it gets the answer. */
  #closeGently(): void {
    this.#isDeaf = true;
    this.#held = null;
    this.#resume();
    if (this.socket.writable) this.socket.end();
    setTimeout(() => this.socket.destroy(), LINGER_MS).unref();
  }

  /** A client that ends its side has gone: nobody can tell it from one that waits for its answer. */
  #onClientEnd(): void {
    if (this.#answer === null && this.#bodyReader === null) this.socket.destroySoon();
    else this.socket.destroy();
  }

  #onHeadLate(): void {
    const waits = this.#answer === null && this.#bodyReader === null;
    if (waits && (this.#reader.hasBegun || !this.#hasRequested))
      this.refuse(new CountersignError('request_timeout', 'the head of a request did not come in time'));
  }

  #onBodyLate(): void {
    if (this.#isDraining) this.#closeGently();
    else if (this.#bodyReader !== null)
      this.refuse(new CountersignError('request_timeout', 'the body of a request did not come in time'));
  }

  #onIdleLate(): void {
    if (this.#answer === null && this.#bodyReader === null && !this.#reader.hasBegun)
      this.socket.destroySoon();
  }

  /** The client takes nothing. */
  #onStalled(): void {
    if (this.#isStalled && this.#hasUnsent()) this.socket.destroy();
  }

  #onClosed(): void {
    this.#isDeaf = true;
    this.#headTimer.cancel();
    this.#bodyTimer.cancel();
    this.#idleTimer.cancel();
    this.#stallTimer.cancel();
    this.#held = null;
    if (this.#bodyReader !== null) this.#body?.destroy(new Error('the request body is incomplete'));
    this.#answer?.closed();
    this.#owner.onClosed(this);
  }
}

function framed(head: RequestHead): RequestFraming | CountersignError {
  try {
    requireServedMethod(head.method);
    return framingOf(head.headers, head.httpVersion);
  } catch (thrown) {
    return unreadable(thrown);
  }
}

/** What comes behind an upgrade that is not made may be the middle of a request: nothing is read there. */
function isPersistent(
  { httpVersion }: RequestHead,
  { isClosing, isKeptAlive, upgrade }: RequestFraming,
): boolean {
  return upgrade === null && !isClosing && (httpVersion === '1.1' || isKeptAlive);
}

function isDrainable({ body, expectsContinue }: RequestFraming): boolean {
  return body === 0 || (body !== 'chunked' && body <= DRAIN_BYTES_MAX && !expectsContinue);
}

function unreadable(thrown: unknown): CountersignError {
  if (thrown instanceof CountersignError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CountersignError(
    thrown instanceof SectionTooLargeError ? 'headers_too_large' : 'bad_request',
    message,
  );
}
