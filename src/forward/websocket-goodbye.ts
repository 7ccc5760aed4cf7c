/** The end of a WebSocket that goes away: a Close frame to the client, between two frames of the upstream. */
import type { Duplex } from 'node:stream';

/** RFC 6455 §5.5.1 and §7.4.1: a final, unmasked Close with status 1001, "going away". */
const CLOSE_GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** How long a client may take to answer with its own Close. */
const ANSWER_MS = 2000;

/**
 * Follows what the upstream sends from the 101 on. What is returned says goodbye to the client: once, and at the next
 * end of a frame, because a Close in the middle of one would be read as its payload.
 */
export function followTunnel(client: Duplex, tunnel: Duplex): () => void {
  const frames = new FrameEnds();
  let isLeaving = false;
  const follow = (piece: Buffer) => void frames.read(piece);
  tunnel.on('data', follow);
  return () => {
    if (isLeaving) return;
    isLeaving = true;
    tunnel.off('data', follow).unpipe(client);
    if (frames.isBetween) leave(client, tunnel);
    else leaveAfterFrame(client, tunnel, frames);
  };
}

function leaveAfterFrame(client: Duplex, tunnel: Duplex, frames: FrameEnds): void {
  const onData = (piece: Buffer) => {
    const end = frames.read(piece);
    const isFull = !client.write(end === null ? piece : piece.subarray(0, end));
    if (end === null) {
      if (isFull) waitForDrain(client, tunnel);
      return;
    }
    tunnel.off('data', onData);
    leave(client, tunnel);
  };
  tunnel.on('data', onData).resume();
}

function waitForDrain(client: Duplex, tunnel: Duplex): void {
  tunnel.pause();
  client.once('drain', () => tunnel.resume());
}

/** The client's own Close still passes to the upstream, which so learns why. */
function leave(client: Duplex, tunnel: Duplex): void {
  client.end(CLOSE_GOING_AWAY);
  tunnel.resume(); // what it still sends has no reader
  setTimeout(() => client.destroy(), ANSWER_MS).unref();
}

/** Header of a frame: two bytes, then a length of up to eight, then a mask of four (RFC 6455 §5.2). */
const HEADER_BYTES_MIN = 2;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

class FrameEnds {
  #header: number[] = [];
  #payloadBytes = 0;

  get isBetween(): boolean {
    return this.#payloadBytes === 0 && this.#header.length === 0;
  }

  /** Returns where the first frame that ends in the piece ends; null where none does. */
  read(piece: Buffer): number | null {
    let firstEnd: number | null = null;
    for (let index = 0; index < piece.length; ) {
      index += this.#payloadBytes > 0 ? this.#skip(piece.length - index) : this.#take(piece[index] ?? 0);
      if (this.isBetween) firstEnd ??= index;
    }
    return firstEnd;
  }

  #skip(bytes: number): number {
    const skipped = Math.min(bytes, this.#payloadBytes);
    this.#payloadBytes -= skipped;
    return skipped;
  }

  #take(byte: number): number {
    this.#header.push(byte);
    const payloadBytes = payloadBytesOf(this.#header);
    if (payloadBytes === null) return 1;
    this.#header = [];
    this.#payloadBytes = payloadBytes;
    return 1;
  }
}

/** Null while the header is incomplete. */
function payloadBytesOf(header: readonly number[]): number | null {
  if (header.length < HEADER_BYTES_MIN) return null;
  const second = header[1] ?? 0;
  const short = second & 0x7f;
  const maskBytes = (second & 0x80) === 0 ? 0 : 4;
  const lengthBytes = short === LENGTH_64 ? 8 : short === LENGTH_16 ? 2 : 0;
  if (header.length < HEADER_BYTES_MIN + lengthBytes + maskBytes) return null;
  if (lengthBytes === 0) return short;
  return header
    .slice(HEADER_BYTES_MIN, HEADER_BYTES_MIN + lengthBytes)
    .reduce((length, byte) => length * 256 + byte, 0);
}
