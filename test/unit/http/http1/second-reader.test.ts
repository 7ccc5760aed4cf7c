/** A second reader: what ours takes for requests, the llhttp in node:http takes for the same ones, to the last byte. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createBodyReader } from '../../../../src/http/http1/body-reader.ts';
import { framingOf } from '../../../../src/http/http1/request-framing.ts';
import { requireServedMethod } from '../../../../src/http/http1/request-line.ts';
import { RequestReader } from '../../../../src/http/http1/request-reader.ts';
import { LIMITS } from '../../../support/edge.ts';
import { mutantOf } from '../../../support/mutants.ts';
import { seededRandom } from '../../../support/random.ts';

interface Read {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: readonly string[];
  readonly body: string;
}

interface Reading {
  /** Whole requests, in order. */
  readonly requests: readonly Read[];
  /** What follows is refused, or not read at all, since the last request closes the connection. */
  readonly isOver: boolean;
}

function ours(bytes: Buffer): Reading {
  const reader = new RequestReader(LIMITS.headerBytes, LIMITS.headerCount);
  const requests: Read[] = [];
  let at = 0;
  try {
    while (at < bytes.length) {
      at = reader.read(bytes, at);
      const head = reader.take();
      if (head === null) break;
      requireServedMethod(head.method);
      const { body: framing, isClosing, isKeptAlive, upgrade } = framingOf(head.headers, head.httpVersion);
      const pieces: Buffer[] = [];
      const body = createBodyReader(framing, (piece) => void pieces.push(piece));
      if (body !== null) {
        if (at < bytes.length) at = body.read(bytes, at);
        if (!body.isDone) break;
      }
      requests.push({ ...head, body: Buffer.concat(pieces).toString('latin1') });
      if (upgrade !== null || isClosing || (head.httpVersion === '1.0' && !isKeptAlive))
        return { requests, isOver: true };
    }
  } catch {
    return { requests, isOver: true };
  }
  return { requests, isOver: false };
}

/** A connection over which the bytes come. What is answered is dropped. */
class Connection extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, callback: () => void): void {
    callback();
  }

  /** What a socket has, and node:http asks for. */
  setTimeout(): this {
    return this;
  }
}

/** A server that takes whatever llhttp takes, and keeps what was whole. */
class SecondReader {
  #requests: Read[] = [];
  #isOver = false;
  readonly #server = createServer(
    {
      maxHeaderSize: LIMITS.headerBytes,
      requireHostHeader: false,
      // An upgrade is a plain request to ours, where no tunnel is made of it.
      shouldUpgradeCallback: () => false,
    },
    (message, response) => this.#keep(message, response),
  );

  constructor() {
    this.#server.maxHeadersCount = 0;
    const keep = (message: IncomingMessage, response: ServerResponse) => this.#keep(message, response);
    this.#server.on('checkContinue', keep).on('checkExpectation', keep);
    this.#server.on('clientError', () => {
      this.#isOver = true;
    });
  }

  async read(bytes: Buffer): Promise<Reading> {
    this.#requests = [];
    this.#isOver = false;
    const connection = new Connection();
    connection.on('error', () => {});
    this.#server.emit('connection', connection);
    connection.push(bytes);
    for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    connection.destroy();
    return { requests: this.#requests, isOver: this.#isOver };
  }

  #keep(message: IncomingMessage, response: ServerResponse): void {
    const pieces: Buffer[] = [];
    message.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => {});
    message.on('end', () => {
      const { method = '', url = '', httpVersion, rawHeaders } = message;
      const body = Buffer.concat(pieces).toString('latin1');
      if (message.complete)
        this.#requests.push({ method, target: url, httpVersion, headers: rawHeaders, body });
      response.end();
    });
  }
}

/** Turns of the event loop in which everything that was read has been told. */
const TURNS = 6;

const POST = 'POST /upload?a=b HTTP/1.1\r\nHost: test\r\n';
const GET = 'GET /next HTTP/1.1\r\nHost: test\r\nUser-Agent: a (b; c)\r\nAccept: */*\r\n\r\n';
const BASES = [
  GET + GET,
  `${POST}Content-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello${GET}`,
  `${POST}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-A: b\r\n\r\n${GET}`,
  `${POST}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n${GET}`,
  `HEAD /a/../b;c?d#e HTTP/1.1\r\nHost: test\r\nConnection: close, x\r\nCookie: a=b; c="d"\r\n\r\n${GET}`,
  `GET / HTTP/1.0\r\nConnection: keep-alive\r\nX-Empty:\r\n\r\nPUT / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi`,
  `\r\nOPTIONS * HTTP/1.1\r\nhost:\ttest\t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${GET}`,
  `DELETE http://test/a HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nX-Latin: \xff\x80\r\n\r\n\r\n${GET}`,
];
const INSERTS = [
  'Content-Length: 0\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: h2c\r\n',
  'X-A: b\r\n',
  ' folded\r\n',
  '\r\n\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'GET / HTTP/1.1\r\n\r\n',
  '5\r\nhello\r\n',
];

/**
 * llhttp judges targets itself, and refuses some that are no path. Ours takes the bytes as they are: what they mean, and that they mean
 * nothing, is decided elsewhere (400 bad_path).
 */
const REFUSED_TARGET = /^(?![/*])|[\x80-\xff]/;

/** What the two read in two ways, and why ours may. */
const DEVIATIONS = [
  // A tab is white space like any (RFC 9110 §5.6.3). llhttp has it belong to the coding, and refuses that.
  /^transfer-encoding:.*\t\r$/im,
  // A trailer says nothing about the connection (RFC 9110 §6.5.1). llhttp heeds it, and reads no further.
  /^0+\r\n(?:.+\r\n)*connection:/im,
];

/** Where the two read something in another way, or one sees a request where the other sees none. */
function differs(one: Reading, second: Reading): boolean {
  const refused = one.requests[second.requests.length];
  const isTargetRefused = second.isOver && refused !== undefined && REFUSED_TARGET.test(refused.target);
  const requests = isTargetRefused ? one.requests.slice(0, second.requests.length) : one.requests;
  const same = JSON.stringify(requests) === JSON.stringify(second.requests.slice(0, requests.length));
  return !same || (!one.isOver && second.requests.length > requests.length);
}

const MUTANTS = 12_000;
const SEED = 20_261_122;

describe(`of ${MUTANTS} broken requests`, () => {
  it('each that is taken is the same to a second reader, and so is what follows it (S02)', async () => {
    const random = seededRandom(SEED);
    const reader = new SecondReader();
    const differences: unknown[] = [];
    let taken = 0;
    for (let count = 0; count < MUTANTS; count += 1) {
      const text = mutantOf(BASES, random, INSERTS);
      if (DEVIATIONS.some((deviation) => deviation.test(text))) continue;
      const bytes = Buffer.from(text, 'latin1');
      const reading = ours(bytes);
      taken += reading.requests.length;
      const second = await reader.read(bytes);
      if (differs(reading, second)) differences.push({ text, reading, second });
    }
    expect(differences).toEqual([]);
    expect(taken).toBeGreaterThan(MUTANTS / 2);
  }, 60_000);

  it('are told from each other by this test: a reader that skips a byte is found out', async () => {
    const reader = new SecondReader();
    const bytes = Buffer.from(BASES[1] ?? '', 'latin1');
    const reading = ours(bytes);
    expect(reading.requests).toHaveLength(2);
    expect(differs(reading, await reader.read(bytes))).toBe(false);
    expect(
      differs(reading, await reader.read(Buffer.from(String(bytes).replace('hello', 'hallo'), 'latin1'))),
    ).toBe(true);
    expect(
      differs(reading, await reader.read(Buffer.from(String(bytes).replace('/next', '/text'), 'latin1'))),
    ).toBe(true);
  });
});
