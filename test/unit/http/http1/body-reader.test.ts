import { describe, expect, it } from 'vitest';
import { createBodyReader } from '../../../../src/http/http1/body-reader.ts';
import type { BodyFraming } from '../../../../src/http/http1/request-framing.ts';

const BEHIND = 'GET / HTTP/1.1\r\n';
const BODIES: readonly (readonly [string, BodyFraming, string, string])[] = [
  ['of a length', 5, 'hello', 'hello'],
  ['of one byte', 1, '\0', '\0'],
  ['in chunks', 'chunked', '5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-A: b\r\n\r\n', 'hello!'],
  ['in no chunk', 'chunked', '0\r\n\r\n', ''],
];

/** Bytes of the body, and where in each piece it ended. */
function read(framing: BodyFraming, pieces: readonly Buffer[]) {
  const body: Buffer[] = [];
  const reader = createBodyReader(framing, (piece) => void body.push(Buffer.from(piece)));
  const ends = pieces.map((piece) => (reader?.isDone === false ? reader.read(piece, 0) : 0));
  return { body: Buffer.concat(body).toString('latin1'), isDone: reader?.isDone, ends };
}

describe('createBodyReader()', () => {
  it('reads no body where there is none', () => {
    expect(createBodyReader(0, () => {})).toBeNull();
  });

  it.each(BODIES)(
    'reads a body %s and leaves what is behind it, wherever it is cut',
    (_how, framing, text, body) => {
      const bytes = Buffer.from(text + BEHIND, 'latin1');
      for (let at = 0; at <= bytes.length; at += 1) {
        const first = Math.min(at, text.length);
        const result = read(framing, [bytes.subarray(0, at), bytes.subarray(at)]);
        expect(result).toEqual({ body, isDone: true, ends: [first, text.length - first] });
      }
    },
  );

  it.each(BODIES)('is not done with a body %s before its last byte', (_how, framing, text) => {
    expect(read(framing, [Buffer.from(text.slice(0, -1), 'latin1')]).isDone).toBe(false);
  });

  it('reads from where it is told', () => {
    const body: string[] = [];
    const reader = createBodyReader(2, (piece) => void body.push(String(piece)));
    expect(reader?.read(Buffer.from('abcdef'), 3)).toBe(5);
    expect(body).toEqual(['de']);
  });
});
