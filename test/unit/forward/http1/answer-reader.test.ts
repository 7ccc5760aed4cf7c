import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../../src/forward/http1/answer-reader.ts';
import { MessageError } from '../../../../src/http1/errors.ts';
import { ANSWERS } from '../../../wire/cases/upstream-answers.ts';
import { type LlhttpVector, readLlhttp } from '../../../wire/support/llhttp.ts';

/** What a reader said about some bytes. */
interface Transcript {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
  readonly isDone: boolean;
  readonly isPersistent: boolean;
  readonly surplusBytes: number;
  readonly isRefused: boolean;
}

/** `ends`: the upstream closes behind the last piece. */
function transcript(pieces: readonly Buffer[], method = 'GET', ends = false): Transcript {
  const heads: { status: number; fields: readonly string[] }[] = [];
  const body: Buffer[] = [];
  const reader = new AnswerReader({
    onHead: (status, fields) => void heads.push({ status, fields: [...fields] }),
    onBody: (piece) => void body.push(Buffer.from(piece)),
  });
  reader.expect(method);
  let surplusBytes = 0;
  let isRefused = false;
  try {
    for (const piece of pieces) surplusBytes += piece.length - reader.read(piece);
    if (ends) reader.finish();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(MessageError);
    isRefused = true;
  }
  expect(heads.length).toBeLessThanOrEqual(1);
  const { isDone, isPersistent } = reader;
  const { status, fields } = heads[0] ?? { status: 0, fields: [] };
  const text = Buffer.concat(body).toString('latin1');
  return { status, fields, body: text, isDone, isPersistent, surplusBytes, isRefused };
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1');
const whole = (text: string, method?: string, ends?: boolean) => transcript([bytesOf(text)], method, ends);

/** Cut at the positions, which may repeat and need no order. */
function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const cuts = [0, ...positions.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b)];
  return cuts.map((from, index) => bytes.subarray(from, cuts[index + 1] ?? bytes.length));
}

describe('AnswerReader', () => {
  it.each(ANSWERS.map((one) => [one.name, one] as const))(
    'says the same of %s, wherever it is cut (H10, U01)',
    (_name, { bytes, method, end }) => {
      const all = bytesOf(bytes);
      const expected = transcript([all], method, end === 'fin');
      for (let at = 0; at < Math.min(all.length, 2000); at += 1)
        expect(transcript(cutAt(all, [at]), method, end === 'fin')).toEqual(expected);
      expect(
        transcript(
          [...all].map((byte) => Buffer.from([byte])),
          method,
          end === 'fin',
        ),
      ).toEqual(expected);
    },
  );

  it.each(ANSWERS.map((one) => [one.name, one] as const))(
    'takes %s as the cases say',
    (_name, { bytes, method, end, seen }) => {
      const { isRefused, isDone, status, body } = whole(bytes, method, end === 'fin');
      if (seen === 'refused') expect([isRefused, status]).toEqual([true, 0]);
      else if (seen === 'cut') expect([isRefused || !isDone, status]).toEqual([true, 200]);
      else expect({ isRefused, isDone, status, body }).toEqual({ isRefused: false, isDone: true, ...seen });
    },
  );

  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/).map((name) => `x-${name}`);
  const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
  const blank = fc.stringMatching(/^[ \t]{0,2}$/);
  const chunkSizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 });
  const answer = fc.record({
    status: fc.integer({ min: 200, max: 999 }).filter((status) => status !== 204 && status !== 304),
    fields: fc.array(fc.tuple(token, blank, value, blank), { maxLength: 8 }),
    framing: fc.constantFrom('length', 'chunked', 'close'),
    body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    chunkSizes,
    hints: fc.integer({ min: 0, max: 3 }),
    cuts: fc.array(fc.nat(2000), { maxLength: 12 }),
  });

  function inChunks(body: string, sizes: readonly number[]): string {
    let text = '';
    let at = 0;
    for (const size of [...sizes, body.length]) {
      const piece = body.slice(at, at + size);
      at += piece.length;
      if (piece !== '') text += `${piece.length.toString(16)};a="b"\r\n${piece}\r\n`;
    }
    return `${text}000\r\nX-Trailer: dropped\r\n\r\n`;
  }

  it('reads back any answer that is well formed, however it is cut', () => {
    fc.assert(
      fc.property(answer, ({ status, fields, framing, body, chunkSizes, hints, cuts }) => {
        const lines = fields.map(([name, before, text, behind]) => `${name}:${before}${text}${behind}\r\n`);
        const frames = {
          length: `Content-Length: ${body.length}\r\n`,
          chunked: 'transfer-encoding: Chunked\r\n',
          close: '',
        };
        const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n'.repeat(hints);
        const head = `${hint}HTTP/1.1 ${status} Any\r\n${lines.join('')}${frames[framing as 'close']}\r\n`;
        const bytes = bytesOf(head + (framing === 'chunked' ? inChunks(body, chunkSizes) : body));
        const read = transcript(cutAt(bytes, cuts), 'GET', framing === 'close');
        expect(read).toMatchObject({ status, body, isDone: true, isRefused: false, surplusBytes: 0 });
        expect(read.isPersistent).toBe(framing !== 'close');
        expect(read.fields.slice(0, 2 * fields.length)).toEqual(
          fields.flatMap(([name, , text]) => [name, text]),
        );
      }),
      { numRuns: 1000, seed: 20_261_122 },
    );
  });

  const PLAIN = 'HTTP/1.1 200 OK\r\nServer: app\r\nX-A: b\r\nContent-Length: 5\r\n\r\n';

  it('takes no answer with a stray control character anywhere in its head for whole (H10)', () => {
    for (const stray of ['\r', '\n', '\0', '\x0b', '\x7f'])
      for (let at = 0; at < PLAIN.length - 1; at += 1) {
        const { isRefused, isDone } = whole(`${PLAIN.slice(0, at)}${stray}${PLAIN.slice(at)}hello`);
        expect([stray, at, isRefused || !isDone]).toEqual([stray, at, true]);
      }
  });

  it('takes no answer that lacks a byte of a line end for whole (H10)', () => {
    for (let at = 0; at < PLAIN.length; at += 1) {
      if (!'\r\n'.includes(PLAIN[at] ?? '')) continue;
      const { isRefused, isDone } = whole(`${PLAIN.slice(0, at)}${PLAIN.slice(at + 1)}hello`);
      expect([at, isRefused || !isDone]).toEqual([at, true]);
    }
  });

  it.each([
    ['a letter that no HTTP begins with', 'X'],
    ['TLS', '\x15\x03\x01'],
    ['another protocol', 'HTTQ'],
  ])('refuses %s at once, without a line end', (_what, bytes) => {
    expect(whole(bytes)).toMatchObject({ isRefused: true });
  });

  it('counts what lies behind the answer, and reads nothing of it (S08)', () => {
    const read = whole(`${PLAIN}helloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    expect(read).toMatchObject({ body: 'hello', isDone: true, surplusBytes: 42 });
  });

  it('reads one answer after the other over one connection', () => {
    const bodies: string[] = [];
    const reader = new AnswerReader({ onHead: () => {}, onBody: (piece) => void bodies.push(String(piece)) });
    for (const [method, text] of [
      ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'],
      ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
      ['POST', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb'],
    ] as const) {
      reader.expect(method);
      reader.read(bytesOf(text));
      expect([reader.isDone, reader.isPersistent]).toEqual([true, true]);
    }
    expect(bodies).toEqual(['a', 'b']);
  });

  it('refuses the 21st informational answer', () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\n\r\n';
    expect(whole(`${hint.repeat(20)}${PLAIN}hello`)).toMatchObject({ isDone: true, isRefused: false });
    expect(whole(`${hint.repeat(21)}${PLAIN}hello`)).toMatchObject({ isDone: false, isRefused: true });
  });

  it.each([
    ['lines', 'X-A: b\r\n'.repeat(200), 'X-A: b\r\n'.repeat(201)],
    ['bytes', `X-A: ${'b'.repeat(32_000)}\r\n`, `X-A: ${'b'.repeat(33_000)}\r\n`],
  ])('bounds the %s of a head, and of trailers', (_what, good, bad) => {
    const head = (lines: string) => `HTTP/1.1 304 Not Modified\r\n${lines}\r\n`;
    expect(whole(head(good))).toMatchObject({ isDone: true, isRefused: false });
    expect(whole(head(bad))).toMatchObject({ isDone: false, isRefused: true });
    const trailed = (lines: string) =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`;
    expect(whole(trailed(good))).toMatchObject({ isDone: true, isRefused: false });
    expect(whole(trailed(bad))).toMatchObject({ isDone: false, isRefused: true });
  });

  it('bounds a line that never ends', () => {
    const endless = Array.from({ length: 9 }, () => Buffer.alloc(4096, 'a'));
    expect(transcript([bytesOf('HTTP/1.1 200 '), ...endless])).toMatchObject({ isRefused: true });
  });
});

const VECTORS = readLlhttp('response', [
  ...['connection', 'content-length', 'finish', 'invalid', 'lenient-version', 'pausing', 'pipelining'],
  ...['sample', 'transfer-encoding'],
]);

/** The first final response that the log names; null: there is none to be seen. */
function logged({ messages, partial, hasError }: LlhttpVector) {
  return messages.find(({ status }) => status >= 200) ?? (hasError ? null : partial);
}

describe.skipIf(VECTORS === null)('AnswerReader, on the responses of llhttp', () => {
  const read = ({ bytes }: LlhttpVector) => whole(bytes, 'GET', true);

  it('takes a good number of them', () => {
    expect(VECTORS?.length).toBeGreaterThan(80);
    expect(VECTORS?.filter((vector) => read(vector).isDone).length).toBeGreaterThan(15);
  });

  it.each(VECTORS ?? [])('$name is refused, or read as its log says, wherever it is cut (H10)', (vector) => {
    const all = bytesOf(vector.bytes);
    const expected = read(vector);
    for (let at = 0; at < Math.min(all.length, 1000); at += 1)
      expect(transcript(cutAt(all, [at]), 'GET', true)).toEqual(expected);
    if (expected.isRefused || !expected.isDone) return;
    expect(expected).toMatchObject({ status: logged(vector)?.status, body: logged(vector)?.body });
  });
});
