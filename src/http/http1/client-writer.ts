/** Writes to a client as fast as it takes bytes, and cuts off one that takes none. */
import type { Socket } from 'node:net';
import { RestartedTimer } from '../../http1/restarted-timer.ts';

/** Bytes that wait in the socket before the next answer does, and before an upstream is told to wait. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** What the socket is given at once: of one write, the system tells only when all of it was taken. */
const SLICE_BYTES = 64 * 1024;

export class ClientWriter {
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #stallTimer: RestartedTimer;
  #isWatched = false;
  /** Bytes sent when the watch began. */
  #sentBytes = 0;
  /** What the socket was not given yet, in order. None for most answers. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Our side ends behind what waits. */
  #onSent: (() => void) | null = null;

  /** A client that takes no slice in `stallTimeoutMs`, while bytes wait for it, is cut off. */
  constructor(socket: Socket, isTls: boolean, stallTimeoutMs: number) {
    this.#socket = socket;
    this.#isTls = isTls;
    this.#stallTimer = new RestartedTimer(stallTimeoutMs, () => this.#onStalled());
  }

  /** More waits to be sent than should: what comes next has to wait for the drain. */
  get hasUnsent(): boolean {
    return this.#waitingBytes > 0 || this.#socket.writableLength > UNSENT_BYTES_MAX;
  }

  /** The client has not been sent all of it, or of its end. */
  get isSending(): boolean {
    const { writableLength, writableEnded, writableFinished } = this.#socket;
    return writableLength > 0 || this.#waitingBytes > 0 || (writableEnded && !writableFinished);
  }

  /** Latin-1 for text. False: wait for the drain. */
  write(data: string | Buffer): boolean {
    this.#hand(data);
    return this.#watch();
  }

  /** The pieces leave together. False: wait for the drain. */
  writeAll(pieces: readonly (string | Buffer)[]): boolean {
    this.#socket.cork();
    for (const piece of pieces) this.#hand(piece);
    this.#socket.uncork();
    return this.#watch();
  }

  /** The socket takes bytes again. False: wait for the next drain. */
  drained(): boolean {
    this.#feed();
    return !this.hasUnsent;
  }

  /** Ends our side, and calls back when all was sent. It is watched until then: over TLS, an end is written too. */
  end(onSent: () => void): void {
    if (this.#waitingBytes > 0) this.#onSent = onSent;
    else this.#socket.end(onSent);
    if (!this.#isWatched) this.#beginWatch();
  }

  /** Closes when all was sent. */
  destroySoon(): void {
    this.end(() => this.#socket.destroy());
  }

  /** `looksComplete`: a plain close would be taken for the end of the body. TLS tells the two apart by itself. */
  cut(looksComplete: boolean): void {
    if (looksComplete && !this.#isTls) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** For good. */
  cancel(): void {
    this.#stallTimer.cancel();
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #hand(data: string | Buffer): void {
    if (!this.#socket.writable || this.#onSent !== null) return;
    if (this.#waitingBytes > 0 || data.length > SLICE_BYTES) this.#keep(data);
    else if (typeof data === 'string') this.#socket.write(data, 'latin1');
    else this.#socket.write(data);
  }

  #keep(data: string | Buffer): void {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#feed();
  }

  /** A slice, and the next when the socket was rid of it. */
  #feed(): void {
    while (this.#socket.writable && !this.#socket.writableNeedDrain) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const slice = first.subarray(0, SLICE_BYTES);
      if (slice.length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(SLICE_BYTES);
      this.#waitingBytes -= slice.length;
      this.#socket.write(slice);
    }
    if (this.#onSent !== null && this.#waitingBytes === 0) this.#socket.end(this.#onSent);
  }

  #watch(): boolean {
    if (this.#socket.writableLength + this.#waitingBytes === 0) return true;
    if (!this.#isWatched) this.#beginWatch();
    return !this.hasUnsent;
  }

  #beginWatch(): void {
    this.#isWatched = true;
    this.#sentBytes = this.#sent();
    this.#stallTimer.restart();
  }

  #onStalled(): void {
    this.#isWatched = false;
    if (!this.isSending) return;
    if (this.#sent() === this.#sentBytes) this.cut(true);
    else this.#beginWatch();
  }

  #sent(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }
}
