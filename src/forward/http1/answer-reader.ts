/**
 * Reads the answers of one connection, one for each request. It is pushed bytes as they come; what it says does not
 * depend on how they were cut. What is not exactly HTTP/1.1 is refused, never repaired.
 */
import type { HeaderList } from '../../core/headers.ts';
import { ChunkedBody } from '../../http1/chunked-body.ts';
import { MessageError } from '../../http1/errors.ts';
import { FieldSection, type SectionRules } from '../../http1/field-section.ts';
import { type BodyFraming, type Continuation, continuationOf, parseStatusLine } from './answer-head.ts';

/** Told what comes, in order: one head, then pieces of the body. Pieces are parts of the bytes that were pushed. */
export interface AnswerEvents {
  /** `status` from 200; names and values in turn. */
  onHead(status: number, fields: HeaderList): void;
  onBody(piece: Buffer): void;
}

/** Twice what a client may send by default, in bytes and lines: upstreams set long cookies. */
const HEAD: SectionRules = { hasStartLine: true, emptyLinesMax: 0, bytesMax: 32 * 1024, linesMax: 200 };

/** Bytes that are read as text at once: most heads are shorter, and bodies are not to be read as text. */
const WINDOW_BYTES = 4096;
/** Informational answers before the final one: an upstream that sends more keeps a client waiting with them. */
const INFORMATIONAL_MAX = 20;

const FINAL_STATUS_MIN = 200;
const SWITCHING_PROTOCOLS = 101;
const PROTOCOL = 'HTTP/1.';

export class AnswerReader {
  readonly #events: AnswerEvents;
  /** The answer is whole. What follows it in the same bytes belongs to nobody. */
  isDone = true;
  /** The head of the final answer came. */
  hasHead = false;
  #method = '';
  #head = new FieldSection(HEAD);
  #informational = 0;
  #continuation: Continuation | null = null;
  #chunks: ChunkedBody | null = null;
  #bytesLeft = 0;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Of the last answer: the connection may carry another request. */
  get isPersistent(): boolean {
    return this.#continuation?.isPersistent === true;
  }

  /** Of the last answer: how long the upstream says that it keeps the connection. */
  get keepAliveMs(): number | null {
    return this.#continuation?.keepAliveMs ?? null;
  }

  /** A request went out: what comes is the answer to it. */
  expect(method: string): void {
    this.isDone = false;
    this.hasHead = false;
    this.#method = method;
    this.#head = new FieldSection(HEAD);
    this.#informational = 0;
    this.#continuation = null;
    this.#chunks = null;
    this.#bytesLeft = 0;
  }

  /** Returns how many bytes of the piece belong to the answer: all while it is not done. @throws MessageError */
  read(piece: Buffer): number {
    let at = 0;
    while (at < piece.length && !this.isDone)
      at = this.hasHead ? this.#readBody(piece, at) : this.#readHead(piece, at);
    return at;
  }

  /**
   * No more bytes will come. False: the answer is cut short. A body without a length is taken as whole: node:tls ends a
   * connection in the same way with and without a `close_notify` (RFC 9112 §9.8; see SECURITY.md).
   */
  finish(): boolean {
    if (!this.isDone && this.#continuation?.body.kind === 'close') this.isDone = true;
    return this.isDone;
  }

  #readHead(piece: Buffer, at: number): number {
    const head = this.#head;
    const used = head.read(piece.toString('latin1', at, Math.min(piece.length, at + WINDOW_BYTES)));
    if (head.isComplete) this.#takeHead(head);
    else requireProtocol(head.begunStartLine);
    return at + used;
  }

  #takeHead(head: FieldSection): void {
    const line = parseStatusLine(head.startLine ?? '');
    if (line.status < FINAL_STATUS_MIN) {
      this.#passOver(line.status);
      return;
    }
    const continuation = continuationOf(line, head.fields, this.#method);
    this.#continuation = continuation;
    this.hasHead = true;
    this.#events.onHead(line.status, head.fields);
    this.#beginBody(continuation.body);
  }

  /** RFC 9110 §15.2: informational answers may come unasked. They are not passed on: early hints are only a hint. */
  #passOver(status: number): void {
    if (status === SWITCHING_PROTOCOLS) throw new MessageError('a 101 that nobody asked for');
    this.#informational += 1;
    if (this.#informational > INFORMATIONAL_MAX) throw new MessageError('too many informational answers');
    this.#head = new FieldSection(HEAD);
  }

  #beginBody(body: BodyFraming): void {
    if (body.kind === 'chunked') this.#chunks = new ChunkedBody((piece) => this.#events.onBody(piece));
    if (body.kind === 'length') this.#bytesLeft = body.bytes;
    this.isDone = body.kind === 'none' || (body.kind === 'length' && body.bytes === 0);
  }

  #readBody(piece: Buffer, at: number): number {
    if (this.#chunks !== null) {
      const end = this.#chunks.read(piece, at);
      this.isDone = this.#chunks.isDone;
      return end;
    }
    const isCounted = this.#continuation?.body.kind === 'length';
    const end = isCounted ? Math.min(piece.length, at + this.#bytesLeft) : piece.length;
    if (isCounted) {
      this.#bytesLeft -= end - at;
      this.isDone = this.#bytesLeft === 0;
    }
    this.#events.onBody(piece.subarray(at, end));
    return end;
  }
}

/** What does not speak HTTP may never send a line end: it is refused at once, not when time is up. */
function requireProtocol(begun: string | null): void {
  if (begun !== null && !PROTOCOL.startsWith(begun.slice(0, PROTOCOL.length)))
    throw new MessageError('the answer does not begin like HTTP/1.1');
}
