/** Writes to a client as fast as it takes bytes, and cuts off one that takes none. */
import type { Socket } from 'node:net';
import { RestartedTimer } from '../../http1/restarted-timer.ts';

/** Bytes that wait in the socket before the next answer does, and before an upstream is told to wait. */
const UNSENT_BYTES_MAX = 64 * 1024;

export class ClientWriter {
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #stallTimer: RestartedTimer;
  #isWatched = false;
  /** Bytes sent when the watch began. */
  #sentBytes = 0;

  /**
   * A client that has not taken any whole write in `stallTimeoutMs`, while bytes wait for it, is cut off. Answers of
   * upstreams come in pieces of up to 64 KiB; one that is handed over whole has to be taken whole in that time.
   */
  constructor(socket: Socket, isTls: boolean, stallTimeoutMs: number) {
    this.#socket = socket;
    this.#isTls = isTls;
    this.#stallTimer = new RestartedTimer(stallTimeoutMs, () => this.#onStalled());
  }

  /** More waits to be sent than should: what comes next has to wait for the drain. */
  get hasUnsent(): boolean {
    return this.#socket.writableLength > UNSENT_BYTES_MAX;
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

  /** Ends our side, and calls back when all was sent. It is watched until then: over TLS, an end is written too. */
  end(onSent: () => void): void {
    this.#socket.end(onSent);
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
  }

  #hand(data: string | Buffer): void {
    if (!this.#socket.writable) return;
    if (typeof data === 'string') this.#socket.write(data, 'latin1');
    else this.#socket.write(data);
  }

  #watch(): boolean {
    if (this.#socket.writableLength === 0) return true;
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
    if (!this.#isSending()) return;
    if (this.#sent() === this.#sentBytes) this.cut(true);
    else this.#beginWatch();
  }

  #isSending(): boolean {
    const { writableLength, writableEnded, writableFinished } = this.#socket;
    return writableLength > 0 || (writableEnded && !writableFinished);
  }

  #sent(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }
}
