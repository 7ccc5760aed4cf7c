/** A second reader: what ours takes for an answer, the llhttp in node:http takes for the same one. */
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../../src/forward/http1/answer-reader.ts';
import { mutantOf } from '../../../support/mutants.ts';
import { seededRandom } from '../../../support/random.ts';

interface Reading {
  readonly status: number;
  readonly body: string;
  /** How much of the bytes is the answer. What is behind it, the second reader need not see. */
  readonly bytes: number;
}

/** Null: refused, or not whole. */
function ours(bytes: Buffer): Reading | null {
  let status = 0;
  const body: Buffer[] = [];
  const reader = new AnswerReader({
    onHead: (given) => {
      status = given;
    },
    onBody: (piece) => void body.push(piece),
  });
  reader.expect('GET');
  let used = 0;
  try {
    used = reader.read(bytes);
  } catch {
    return null;
  }
  return reader.finish() ? { status, body: Buffer.concat(body).toString('latin1'), bytes: used } : null;
}

/** A connection over which the bytes come, and then the end. */
function connectionOf(bytes: Buffer): Duplex {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, callback) {
      callback();
      this.push(bytes);
      this.push(null);
    },
  });
}

function theirs(bytes: Buffer): Promise<Reading | null> {
  return new Promise((resolve) => {
    const asking = request({ method: 'GET', createConnection: () => connectionOf(bytes) }, (response) => {
      const body: Buffer[] = [];
      response.on('data', (piece: Buffer) => body.push(piece));
      response.on('error', () => resolve(null));
      response.on('end', () => {
        const text = Buffer.concat(body).toString('latin1');
        resolve(
          response.complete ? { status: response.statusCode ?? 0, body: text, bytes: bytes.length } : null,
        );
      });
    });
    asking.on('error', () => resolve(null)).on('upgrade', () => resolve(null));
    asking.end();
  });
}

const BASES = [
  'HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
  'HTTP/1.0 200 OK\r\nContent-Length: 3\r\nKeep-Alive: timeout=5\r\n\r\nold',
];

/** A tab is white space like any (RFC 9110 §5.6.3). llhttp has it belong to the coding, and reads until the end. */
const TAB_BEHIND_CODING = /^transfer-encoding:.*\t\r$/im;

const MUTANTS = 5000;
const SEED = 20_261_122;

describe(`of ${MUTANTS} broken answers`, () => {
  it('each that is taken is the same to a second reader (H10)', async () => {
    const random = seededRandom(SEED);
    const differences: unknown[] = [];
    let taken = 0;
    for (let count = 0; count < MUTANTS; count += 1) {
      const text = mutantOf(BASES, random);
      if (TAB_BEHIND_CODING.test(text)) continue;
      const bytes = Buffer.from(text, 'latin1');
      const reading = ours(bytes);
      if (reading === null) continue;
      taken += 1;
      const second = await theirs(bytes.subarray(0, reading.bytes));
      if (JSON.stringify(second) !== JSON.stringify(reading)) differences.push({ text, reading, second });
    }
    expect(differences).toEqual([]);
    expect(taken).toBeGreaterThan(MUTANTS / 20);
  });
});
