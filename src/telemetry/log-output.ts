/** Standard output for log lines: encoded as they come, handed on many at a time, lost rather than waited for. */
import pino from 'pino';

/**
 * Lines are written when this much is waiting, or after FLUSH_INTERVAL_MS: one system call for some 150 requests.
 * Collected here, because sonic-boom measures all that is waiting again with each line, and as bytes, because a text of
 * so many pieces has to be put together from all over the memory in the end. Measured: 0.5 µs a line less than as text.
 */
const CHUNK_BYTES = 64 * 1024;
const FLUSH_INTERVAL_MS = 100;
/** Lines wait up to this much while they cannot be written, then further ones are lost: memory is for requests. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Of UTF-8, for one unit of a JavaScript string. */
const UNIT_BYTES_MAX = 3;
const LINE_FEED = 10;

type Destination = ReturnType<typeof pino.destination>;

/** A log that cannot be written, to a full disk or a reader that stopped, costs its lines and not the gateway. */
export function standardOutput(onLost: () => void = giveUp): Destination {
  const destination = pino.destination({
    fd: 1,
    sync: false,
    maxLength: WAITING_BYTES_MAX,
    contentMode: 'buffer',
  });
  const flushSync = collectLines(destination);
  // It tries for ever, and pino calls it when the process ends.
  destination.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (destination.flushSync === giveUp) return;
    destination.flushSync = giveUp;
    process.stderr.write(`countersign: the log cannot be written: ${code}\n`);
  });
  destination.on('drop', (lines: Buffer) => {
    for (let end = lines.indexOf(LINE_FEED); end !== -1; end = lines.indexOf(LINE_FEED, end + 1)) onLost();
  });
  destination.on('write', () => {
    destination.flushSync = flushSync;
  });
  return destination;
}

/** Hands lines to the destination many at a time. Returns its new `flushSync`. */
function collectLines(destination: Destination): () => void {
  const { write } = destination;
  const writeWaiting = destination.flushSync.bind(destination);
  // Its type knows of text only.
  const writeBytes = (lines: Buffer) => Reflect.apply(write, destination, [lines]);
  const chunk = new LineChunk(writeBytes);
  destination.write = (lines) => {
    chunk.add(lines);
    return true;
  };
  destination.flushSync = () => {
    chunk.release();
    writeWaiting();
  };
  setInterval(() => chunk.release(), FLUSH_INTERVAL_MS).unref();
  return destination.flushSync;
}

/** Bytes of lines that wait to be written together. */
export class LineChunk {
  readonly #write: (lines: Buffer) => void;
  readonly #bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #end = 0;

  /** `write`: may keep what it is given. */
  constructor(write: (lines: Buffer) => void) {
    this.#write = write;
  }

  add(lines: string): void {
    const bytesMax = lines.length * UNIT_BYTES_MAX;
    if (this.#end + bytesMax > CHUNK_BYTES) this.release();
    if (bytesMax > CHUNK_BYTES) this.#write(Buffer.from(lines));
    else this.#end += this.#bytes.write(lines, this.#end, 'utf8');
  }

  release(): void {
    const end = this.#end;
    this.#end = 0;
    if (end > 0) this.#write(Buffer.from(this.#bytes.subarray(0, end)));
  }
}

function giveUp(): void {}
