/**
 * One connection of a listener: a request at a time, its answer, and the deadlines of both. The next request is read when
 * the answer before it has been handed over whole, and never where that answer closed the connection (RFC 9112 §9.3.2,
 * §9.6).
 */
import type { Socket } from 'node:net';
import { CountersignError } from '../../core/errors.ts';
import type { HeaderList } from '../../core/headers.ts';
import type { ListenerLimits } from '../../core/limits.ts';
import { RestartedTimer } from '../../http1/restarted-timer.ts';
import { problemOf } from '../problem.ts';
import { type AnswerCarrier, AnswerWriter } from './answer-writer.ts';
import { ClientWriter } from './client-writer.ts';
import type { IncomingRequest, Peer, UnservedRequest } from './incoming-request.ts';
import { incomingRequest, judgedFraming } from './judged-head.ts';
import { isPersistent, type RequestFraming } from './request-framing.ts';
import { type IntakeEvents, RequestIntake } from './request-intake.ts';
import type { RequestHead } from './request-reader.ts';

/** What the connections of a listener share, and who is told what becomes of them. */
export interface ConnectionOwner {
  readonly limits: ListenerLimits;
  /** The listener takes no more: each answer is the last of its connection. */
  readonly isClosing: boolean;
  readonly keepAliveLines: string;
  dateLine(): string;
  onRequest(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void;
  /** The name of a request. */
  idOf(headers: HeaderList): string;
  /** True: the request is an upgrade that the listener takes over, with the socket. */
  takesUpgrade(head: RequestHead, framing: RequestFraming): boolean;
  onUpgrade(request: IncomingRequest, answer: AnswerWriter, connection: ServerConnection): void;
  /** No handler will see it, and nobody else will mention it in a log. The connection answers it. */
  onUnserved(error: CountersignError, request: UnservedRequest): void;
  onClosed(connection: ServerConnection): void;
}

/** Of a request of which not even the first line came. */
const NOTHING_READ: RequestHead = { method: '', target: '', httpVersion: '1.1', headers: [] };

/** In which the rest of an unwanted body has to come. */
const DRAIN_MS_MAX = 1000;
/** A connection with unread bytes that is closed at once loses its answer to a reset. */
const LINGER_MS = 500;
/** A kept connection is closed so much later than we say: a request may be on its way when the time is up. */
const IDLE_MARGIN_MS = 1000;
/** How long a silent connection is kept while the listener closes: longer than a request is on its way. */
export const CLOSING_IDLE_MS = 1000;

export class ServerConnection implements AnswerCarrier, IntakeEvents {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly #owner: ConnectionOwner;
  readonly #intake: RequestIntake;
  readonly #writer: ClientWriter;
  readonly #headTimer: RestartedTimer;
  readonly #bodyTimer: RestartedTimer;
  readonly #idleTimer: RestartedTimer;
  /** The answer under way; null: none is. */
  #answer: AnswerWriter | null = null;
  /** The request under way lets another follow it. */
  #isPersistent = true;
  #hasRequested = false;
  /** Its end is set: the listener closes, and the client was not told. */
  #isEnding = false;

  readonly #onData = (piece: Buffer) => this.#intake.receive(piece);
  readonly #onEnd = () => this.#onClientEnd();

  constructor(socket: Socket, peer: Peer, owner: ConnectionOwner) {
    const { limits } = owner;
    this.socket = socket;
    this.peer = peer;
    this.#owner = owner;
    this.#intake = new RequestIntake(socket, limits, this);
    this.#writer = new ClientWriter(socket, peer.isTls, limits.idleTimeoutMs);
    this.#headTimer = new RestartedTimer(limits.headersTimeoutMs, () => this.#onHeadLate());
    this.#bodyTimer = new RestartedTimer(limits.requestTimeoutMs, () => this.#onBodyLate());
    this.#idleTimer = new RestartedTimer(limits.idleTimeoutMs + IDLE_MARGIN_MS, () => this.#onIdleLate());
    socket
      .on('error', () => socket.destroy())
      .on('close', () => this.#onClosed())
      .on('drain', () => this.#onDrain())
      .on('end', this.#onEnd)
      .on('data', this.#onData)
      .resume(); // it is paused where a PROXY header was read before
    this.#headTimer.restart();
    if (owner.isClosing) this.#rest(); // its handshake was under way
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  get isReady(): boolean {
    return this.#answer === null && !this.#writer.hasUnsent;
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
    return this.#writer.write(data);
  }

  writeAll(pieces: readonly (string | Buffer)[]): boolean {
    return this.#writer.writeAll(pieces);
  }

  cut(looksComplete: boolean): void {
    this.#writer.cut(looksComplete);
  }

  onAnswered(): void {
    const isLast = this.#answer?.isLast !== false;
    this.#answer = null;
    if (isLast) this.#closeGently();
    else if (this.#intake.isInBody) {
      this.#bodyTimer.restart(DRAIN_MS_MAX);
      this.#intake.drain();
    } else this.#goOn();
  }

  onHeadBegun(): void {
    if (this.#hasRequested) this.#headTimer.restart();
  }

  onHead(head: RequestHead, hasMore: boolean): void {
    this.#hasRequested = true;
    const framing = judgedFraming(head);
    const isUpgrade = !(framing instanceof CountersignError) && this.#owner.takesUpgrade(head, framing);
    const refusal = isUpgrade ? this.#refusalOfUpgrade(hasMore) : null;
    if (refusal !== null) {
      this.#refuseUnserved(refusal, head);
      return;
    }
    const request = this.#requestOf(head, framing);
    const answer = new AnswerWriter(this, request);
    this.#answer = answer;
    this.#isPersistent = !(framing instanceof CountersignError) && isPersistent(framing, head.httpVersion);
    if (isUpgrade) this.#upgrade(request, answer);
    else this.#owner.onRequest(request, answer, this);
  }

  onUnreadable(error: CountersignError): void {
    this.refuse(error);
  }

  onDrained(isWhole: boolean): void {
    if (isWhole) {
      this.#bodyTimer.restart(this.#owner.limits.requestTimeoutMs);
      this.#goOn();
    } else this.#closeGently();
  }

  /** Closes a connection on which nothing is under way. */
  closeIfSilent(): void {
    if (this.#isSilent() && !this.#isEnding) this.#writer.destroySoon();
  }

  /** At once. An answer under way, or not sent to its end, never looks complete. */
  cutOff(): void {
    if (this.#answer === null) this.#writer.cut(this.#writer.isSending);
    else this.#answer.abort();
  }

  /** Answers what is no request, or half a one, and closes. Bytes that still arrive are parsed as nothing. */
  refuse(error: CountersignError): void {
    const { isDeaf, isDraining, begunHead } = this.#intake;
    if (isDeaf && this.#answer === null) return;
    this.#intake.stop(error);
    if (this.#answer !== null) this.failed(this.#answer, error);
    else if (isDraining) this.#closeGently();
    else this.#refuseUnserved(error, begunHead ?? NOTHING_READ);
  }

  #refuseUnserved(error: CountersignError, head: RequestHead): void {
    const id = this.#owner.idOf(head.headers);
    const answer = new AnswerWriter(this, { ...head, id, expectsContinue: false, body: null });
    this.#answer = answer;
    this.#owner.onUnserved(error, { ...head, id, peer: this.peer });
    this.failed(answer, error);
  }

  /** The request has no answer of its own, or not the end of it. */
  failed(answer: AnswerWriter, error: CountersignError): void {
    if (answer !== this.#answer || answer.isDone || !this.socket.writable) return;
    this.#intake.stop(error);
    answer.refuse(error, problemOf(error, answer.requestId));
  }

  #requestOf(head: RequestHead, framing: RequestFraming | CountersignError): IncomingRequest {
    const body = framing instanceof CountersignError ? null : this.#intake.beginBody(framing.body);
    if (body !== null) this.#bodyTimer.restart();
    return incomingRequest(head, framing, { id: this.#owner.idOf(head.headers), peer: this.peer, body });
  }

  /** The next request, where one waits. */
  #goOn(): void {
    if (this.isReady) this.#intake.goOn();
    if (this.#answer === null) this.#rest();
  }

  /** While the listener closes, a client that was not told may still send a request. */
  #rest(): void {
    const { isClosing, limits } = this.#owner;
    this.#isEnding = isClosing;
    this.#idleTimer.restart(isClosing ? CLOSING_IDLE_MS : limits.idleTimeoutMs + IDLE_MARGIN_MS);
  }

  /** A tunnel: the listener has the socket from here on, with nothing read of it but the head. */
  #upgrade(request: IncomingRequest, answer: AnswerWriter): void {
    answer.closeAfter();
    this.#intake.stop(new CountersignError('bad_request', 'no request follows an upgrade'));
    this.socket.off('data', this.#onData).off('end', this.#onEnd).pause();
    this.#owner.onUpgrade(request, answer, this);
  }

  /** A tunnel may live for days: none is begun while others are ended. */
  #refusalOfUpgrade(hasMore: boolean): CountersignError | null {
    if (this.#owner.isClosing) return new CountersignError('shutting_down', 'upgrade while draining');
    return hasMore ? new CountersignError('bad_request', 'bytes before the upgrade was accepted') : null;
  }

  #onDrain(): void {
    if (!this.#writer.drained()) return;
    if (this.#answer !== null) this.#answer.drained();
    else if (this.#intake.hasHeld) this.#goOn();
  }

  /** Nothing more is read as a request. What the client still sends is taken, so that it gets the answer. */
  #closeGently(): void {
    this.#intake.stop(new CountersignError('bad_request', 'the answer came before the body'));
    if (this.socket.isPaused()) this.socket.resume();
    this.#writer.end(() => setTimeout(() => this.socket.destroy(), LINGER_MS).unref());
  }

  /** A client that ends its side has gone: nobody can tell it from one that waits for its answer. */
  #onClientEnd(): void {
    if (this.#answer === null || !this.socket.writable) this.#writer.destroySoon();
    else this.#answer.abort();
  }

  #onHeadLate(): void {
    if (this.#answer !== null || this.#intake.isInBody) return;
    if (this.#intake.hasBegunHead)
      this.refuse(new CountersignError('request_timeout', 'the head of a request did not come in time'));
    // An answer that nobody asked for would be taken for that of a request which is on its way.
    else if (!this.#hasRequested) this.#writer.destroySoon();
  }

  #onBodyLate(): void {
    if (this.#intake.isDraining) this.#closeGently();
    else if (this.#intake.isInBody)
      this.refuse(new CountersignError('request_timeout', 'the body of a request did not come in time'));
  }

  /** A client that is still taking its answer has had no time to be silent. */
  #onIdleLate(): void {
    if (!this.#isSilent()) return;
    if (this.#writer.isSending) this.#rest();
    else this.#writer.destroySoon();
  }

  #isSilent(): boolean {
    const { hasBegunHead, hasHeld, isInBody } = this.#intake;
    return this.#answer === null && !hasBegunHead && !hasHeld && !isInBody;
  }

  #onClosed(): void {
    this.#intake.stop(new Error('the request body is incomplete'));
    for (const timer of [this.#headTimer, this.#bodyTimer, this.#idleTimer]) timer.cancel();
    this.#writer.cancel();
    this.#answer?.closed();
    this.#owner.onClosed(this);
  }
}
