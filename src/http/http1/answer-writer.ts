/** The answer to one request: framed, joined into as few writes as it takes, and never a byte more or less than announced. */
import type { CountersignError } from '../../core/errors.ts';
import type { HeaderList } from '../../core/headers.ts';
import type { Problem } from '../problem.ts';
import { type AnswerFields, answerFields, isBodyless, statusLine } from './answer-head.ts';

/** The connection under an answer. */
export interface AnswerCarrier {
  readonly isClosed: boolean;
  /** Another request may follow on it, as far as the request before and the listener are concerned. */
  readonly mayPersist: boolean;
  /** Lines of the head, each with its line end. */
  readonly keepAliveLines: string;
  dateLine(): string;
  /** Latin-1 for text. False: wait for the drain. */
  write(data: string | Buffer): boolean;
  /** The pieces leave together. False: wait for the drain. */
  writeAll(pieces: readonly (string | Buffer)[]): boolean;
  /** The answer was handed over whole. */
  onAnswered(): void;
  /** Cuts the connection. `looksComplete`: a plain close would be taken for the end of the body. */
  cut(looksComplete: boolean): void;
}

/** What an answer needs to know of its request. */
export interface AnsweredRequest {
  readonly id: string;
  readonly method: string;
  readonly httpVersion: '1.0' | '1.1';
  /** The client holds its body back until it is told to send it. */
  readonly expectsContinue: boolean;
  /** Null: there is none. */
  readonly body: object | null;
}

/** A first piece up to this may wait for its end: copying a longer one costs more than a second buffer to write. */
const HELD_BYTES_MAX = 16 * 1024;

const CLOSE_LINE = 'Connection: close\r\n';
const CHUNKED_LINE = 'Transfer-Encoding: chunked\r\n';
const LAST_CHUNK = '0\r\n\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

type Framing = 'none' | 'length' | 'chunked' | 'close';

export class AnswerWriter {
  readonly #carrier: AnswerCarrier;
  readonly #request: AnsweredRequest;
  #fields: AnswerFields | null = null;
  /** True until what came with the head has been handed over. */
  #isHeld = false;
  /** The first piece, while its end may come with it. */
  #first: Buffer | null = null;
  #framing: Framing = 'none';
  /** Bytes of the announced length that are still to come. */
  #bytesLeft = 0;
  #isDone = false;
  #isLast = false;
  #refusal: CountersignError | null = null;
  #awaitsContinue: boolean;
  #closeListener: (() => void) | null = null;
  #drainListener: (() => void) | null = null;

  constructor(carrier: AnswerCarrier, request: AnsweredRequest) {
    this.#carrier = carrier;
    this.#request = request;
    this.#awaitsContinue = request.expectsContinue && request.body !== null;
  }

  /** Of the request. */
  get requestId(): string {
    return this.#request.id;
  }

  /** Why the connection has ended the exchange in the place of the handler; null: it has not. */
  get refusal(): CountersignError | null {
    return this.#refusal;
  }

  /** No other request is read after it. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** No other request is to be read after it. Said in the head, where that has not left. */
  closeAfter(): void {
    this.#isLast = true;
  }

  /** A head was given; it may not have left. */
  get isBegun(): boolean {
    return this.#fields !== null;
  }

  /** 0: not begun. */
  get status(): number {
    return this.#fields?.status ?? 0;
  }

  /** All of it was handed over. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The client has gone, or was cut off: what is written goes nowhere. */
  get isClosed(): boolean {
    return this.#refusal !== null || this.#carrier.isClosed;
  }

  /** Tells the client to send the body it holds back. */
  writeContinue(): void {
    if (this.isBegun || this.isClosed) return;
    this.#awaitsContinue = false;
    this.#carrier.write(CONTINUE);
  }

  /**
   * Begins the answer. Its head leaves with what follows at once, and alone where nothing does (server-sent events).
   * Does nothing where the client has gone.
   *
   * @throws TypeError for what HTTP does not allow, and for a second answer
   */
  begin(status: number, headers: HeaderList): void {
    if (this.isClosed) return;
    if (this.#fields !== null) throw new TypeError('the answer has begun');
    this.#fields = answerFields(status, headers);
    this.#isHeld = true;
    queueMicrotask(() => this.#release());
  }

  /** False: wait for the drain before the next piece. */
  write(piece: Buffer): boolean {
    if (this.#isDone || this.isClosed || piece.length === 0) return true;
    if (this.#isHeld && this.#first === null && piece.length <= HELD_BYTES_MAX) {
      this.#first = piece;
      return true;
    }
    const isTaken = this.#release();
    return this.#send(piece) && isTaken;
  }

  /** Ends the answer. Where it is shorter or longer than announced, it is cut instead. */
  end(): void {
    if (this.#isDone || this.isClosed) return;
    if (this.#isHeld) this.#sendWhole();
    else if (this.#framing === 'chunked') this.#carrier.write(LAST_CHUNK);
    if (this.#framing === 'length' && this.#bytesLeft !== 0) this.abort();
    else this.#finish();
  }

  /** The whole answer. @throws TypeError as `begin` */
  send(status: number, headers: HeaderList, body = ''): void {
    this.begin(status, headers);
    if (body !== '') this.write(Buffer.from(body));
    this.end();
  }

  /**
   * The whole answer in the place of the handler's, and the last: what that still writes goes nowhere. An answer that
   * has begun is cut.
   */
  refuse(error: CountersignError, { status, headers, body }: Problem): void {
    if (this.isBegun) this.abort();
    else {
      this.closeAfter();
      this.send(status, headers, body);
    }
    this.#refusal = error;
  }

  /** Cuts the connection, so that an answer that has begun never looks complete (RFC 9112 §8). */
  abort(): void {
    if (!this.#isDone && !this.isClosed) this.#carrier.cut(this.#request.httpVersion === '1.0');
  }

  /** The last listener counts. */
  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  /** Called when the client goes before the answer is whole. The last listener counts. */
  onClose(listener: () => void): void {
    this.#closeListener = listener;
  }

  /** The connection takes bytes again. */
  drained(): void {
    this.#drainListener?.();
  }

  /** The connection is gone. */
  closed(): void {
    if (!this.#isDone) this.#closeListener?.();
  }

  #finish(): void {
    this.#isDone = true;
    this.#carrier.onAnswered();
  }

  /** One write for most answers: text of one byte a character is joined to the head. */
  #sendWhole(): void {
    const first = this.#first;
    const head = this.#head(first === null ? 0 : first.length);
    this.#isHeld = false;
    this.#first = null;
    if (first === null || this.#framing === 'none') this.#carrier.write(head);
    else if (this.#account(first.length)) this.#carrier.write(head + this.#wholeBody(first));
  }

  #wholeBody(bytes: Buffer): string {
    const text = bytes.toString('latin1');
    return this.#framing === 'chunked' ? `${bytes.length.toString(16)}\r\n${text}\r\n${LAST_CHUNK}` : text;
  }

  /** Hands over the head, and the piece that waits with it. */
  #release(): boolean {
    if (!this.#isHeld || this.isClosed) return true;
    const first = this.#first;
    const head = this.#head(null);
    this.#isHeld = false;
    this.#first = null;
    const isTaken = this.#carrier.write(head);
    return first === null ? isTaken : this.#send(first);
  }

  #send(piece: Buffer): boolean {
    if (this.#framing === 'none') return true;
    if (this.#framing === 'chunked')
      return this.#carrier.writeAll([`${piece.length.toString(16)}\r\n`, piece, '\r\n']);
    return this.#account(piece.length) && this.#carrier.write(piece);
  }

  /** False: the piece goes beyond what was announced, and the connection is cut. */
  #account(bytes: number): boolean {
    if (this.#framing !== 'length') return true;
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft >= 0) return true;
    this.abort();
    return false;
  }

  /** `wholeBytes`: of the body, where all of it is at hand; null: more may come. */
  #head(wholeBytes: number | null): string {
    const fields = this.#fields;
    if (fields === null) throw new TypeError('the answer has not begun');
    const framing = this.#frame(fields, wholeBytes);
    // Who was not told to send a body may send it or not: what comes next could be either (RFC 9110 §10.1.1).
    if (!this.#carrier.mayPersist || this.#awaitsContinue) this.#isLast = true;
    const date = fields.hasDate ? '' : this.#carrier.dateLine();
    const connection = this.#isLast ? CLOSE_LINE : this.#carrier.keepAliveLines;
    return `${statusLine(fields.status)}${fields.text}${date}${connection}${framing}\r\n`;
  }

  /** RFC 9112 §6.3. Returns the line that says so, where the fields do not. */
  #frame({ status, length }: AnswerFields, wholeBytes: number | null): string {
    if (isBodyless(status, this.#request.method)) return '';
    const isChunkable = this.#request.httpVersion === '1.1';
    if (length !== null || wholeBytes === 0 || (wholeBytes !== null && !isChunkable)) {
      this.#framing = 'length';
      this.#bytesLeft = length ?? wholeBytes ?? 0;
      return length === null ? `Content-Length: ${wholeBytes}\r\n` : '';
    }
    if (isChunkable) {
      this.#framing = 'chunked';
      return CHUNKED_LINE;
    }
    this.#framing = 'close';
    this.#isLast = true;
    return '';
  }
}
