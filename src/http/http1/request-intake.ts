/**
 * Takes the bytes of one connection apart: heads, bodies, and what is pipelined behind a request that has no answer yet,
 * which waits unread. What stands behind a refused request may be the rest of it, read as a request by mistake (security
 * rows S04 and S06).
 */
import type { Socket } from 'node:net';
import { CountersignError, toCountersignError } from '../../core/errors.ts';
import type { ListenerLimits } from '../../core/limits.ts';
import { MessageError, SectionTooLargeError } from '../../http1/errors.ts';
import { type BodyReader, createBodyReader } from './body-reader.ts';
import { RequestBody } from './request-body.ts';
import type { BodyFraming } from './request-framing.ts';
import { type RequestHead, RequestReader } from './request-reader.ts';

/** Told what comes. */
export interface IntakeEvents {
  /** The answers to all that came are handed over: the next head may be read. */
  readonly isReady: boolean;
  /** The first bytes of a head came, and it is not complete. */
  onHeadBegun(): void;
  /** `hasMore`: there are bytes behind it already. A body is begun before this returns. */
  onHead(head: RequestHead, hasMore: boolean): void;
  /** What came is no request, or not the body that was announced. */
  onUnreadable(error: CountersignError): void;
  /** Of a body that nobody wants: it is read, or (false) too long for that. */
  onDrained(isWhole: boolean): void;
}

/** What is read of an unwanted body before the connection is closed instead. */
export const DRAIN_BYTES_MAX = 64 * 1024;
/** Pipelined bytes that wait before the connection is not read any further. */
const HELD_BYTES_MAX = 64 * 1024;
/** Pieces in which they wait: one of a single byte costs a hundred times as much as its byte. */
const HELD_PIECES_MAX = 64;

export class RequestIntake {
  readonly #socket: Socket;
  readonly #events: IntakeEvents;
  readonly #reader: RequestReader;
  /** Null: all of the body came. */
  #bodyReader: BodyReader | null = null;
  #body: RequestBody | null = null;
  /** Of the body, in the piece that is read. */
  #came: Buffer[] = [];
  #isDraining = false;
  /** Bytes of an unwanted body since its answer. */
  #drainedBytes = 0;
  /** Pipelined bytes that wait for their turn. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isTaking = false;
  #isDeaf = false;

  constructor(socket: Socket, limits: ListenerLimits, events: IntakeEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#reader = new RequestReader(limits.headerBytes, limits.headerCount);
  }

  /** What comes is parsed as nothing: the connection was refused, is being closed, or became a tunnel. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  /** Bytes of a body are still to come. */
  get isInBody(): boolean {
    return this.#bodyReader !== null;
  }

  /** Reads a body whose request has its answer. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Bytes came of a head that is not complete. */
  get hasBegunHead(): boolean {
    return this.#reader.hasBegun;
  }

  /** What was read of a head that is not complete; null: not even its first line. */
  get begunHead(): RequestHead | null {
    return this.#reader.begun;
  }

  /** Bytes of another request wait. */
  get hasHeld(): boolean {
    return this.#heldBytes > 0;
  }

  receive(piece: Buffer): void {
    if (this.#isDeaf) return;
    if (this.hasHeld) this.#hold(piece);
    else this.#take(piece);
  }

  /** The events are ready again: reads what was held. */
  goOn(): void {
    if (this.#isTaking || !this.hasHeld) return;
    const [only] = this.#held;
    const held = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held);
    this.#release();
    this.#resume();
    this.#take(held);
  }

  /** What comes next is the body of the request whose head was read last. */
  beginBody(framing: BodyFraming): RequestBody | null {
    this.#bodyReader = createBodyReader(framing, (data) => void this.#came.push(data));
    if (this.#bodyReader !== null) this.#body = new RequestBody(() => this.#resume());
    return this.#body;
  }

  /** Reads the rest of a body that nobody wants, within bounds. */
  drain(): void {
    this.#isDraining = true;
    this.#drainedBytes = 0;
    this.#body?.destroy();
    this.#resume();
  }

  /** For good. `error`: what became of a body that is not complete. */
  stop(error: Error): void {
    this.#isDeaf = true;
    this.#release();
    if (this.#bodyReader !== null) this.#body?.destroy(error);
  }

  #take(piece: Buffer): void {
    this.#isTaking = true;
    try {
      let at = 0;
      while (at < piece.length && !this.#isDeaf) {
        if (this.#bodyReader !== null) at = this.#readBody(this.#bodyReader, piece, at);
        else if (this.#events.isReady) at = this.#readHead(piece, at);
        else {
          this.#hold(piece.subarray(at));
          break;
        }
      }
    } catch (thrown) {
      this.#events.onUnreadable(unreadable(thrown));
    } finally {
      this.#isTaking = false;
    }
  }

  #readHead(piece: Buffer, start: number): number {
    const hadBegun = this.#reader.hasBegun;
    const end = this.#reader.read(piece, start);
    const head = this.#reader.take();
    if (head !== null) this.#events.onHead(head, end < piece.length);
    else if (!hadBegun && this.#reader.hasBegun) this.#events.onHeadBegun();
    return end;
  }

  #readBody(reader: BodyReader, piece: Buffer, start: number): number {
    const end = reader.read(piece, start);
    this.#deliver();
    if (!reader.isDone || this.#isDeaf) return end;
    const body = this.#body;
    this.#bodyReader = null;
    this.#body = null;
    if (this.#isDraining) {
      this.#isDraining = false;
      this.#events.onDrained(true);
    } else body?.finish();
    return end;
  }

  /** Chunks that came together go on together: one of a single byte costs a hundred times as much as its byte. */
  #deliver(): void {
    const data = this.#came.length > 1 ? Buffer.concat(this.#came) : this.#came[0];
    if (data === undefined) return;
    this.#came = [];
    this.#onBody(data);
  }

  #onBody(data: Buffer): void {
    const body = this.#body;
    if (this.#isDraining) {
      this.#drainedBytes += data.length;
      if (this.#drainedBytes > DRAIN_BYTES_MAX) this.#events.onDrained(false);
    } else if (body !== null && !body.destroyed && !body.receive(data)) this.#socket.pause();
  }

  #hold(piece: Buffer): void {
    if (this.#held.length === HELD_PIECES_MAX) this.#held = [Buffer.concat(this.#held)];
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes >= HELD_BYTES_MAX) this.#socket.pause();
  }

  #release(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  #resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }
}

/** Anything thrown while bytes are read, as the answer to them. What no reader throws is a defect of ours. */
export function unreadable(thrown: unknown): CountersignError {
  if (thrown instanceof SectionTooLargeError)
    return new CountersignError('headers_too_large', thrown.message);
  if (thrown instanceof MessageError) return new CountersignError('bad_request', thrown.message);
  return toCountersignError(thrown);
}
