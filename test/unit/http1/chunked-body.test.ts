import { describe, expect, it } from 'vitest';
import { ChunkedBody } from '../../../src/http1/chunked-body.ts';
import { MessageError } from '../../../src/http1/errors.ts';

/** The body, and what was behind it. */
function read(text: string): { body: string; isDone: boolean; rest: string } {
  const pieces: Buffer[] = [];
  const body = new ChunkedBody((piece) => void pieces.push(piece));
  const bytes = Buffer.from(text, 'latin1');
  const rest = bytes.subarray(body.read(bytes, 0)).toString('latin1');
  return { body: Buffer.concat(pieces).toString('latin1'), isDone: body.isDone, rest };
}

const END = '0\r\n\r\n';

describe('ChunkedBody', () => {
  it.each([
    ['no chunk', END, ''],
    ['two chunks', `2\r\nhe\r\n3\r\nllo\r\n${END}`, 'hello'],
    ['a size in capitals', `A\r\n0123456789\r\n${END}`, '0123456789'],
    ['leading zeros', `0000000000000001\r\na\r\n000\r\n\r\n`, 'a'],
    ['a size that looks like syntax behind it', `2\r\n\r\n\r\n${END}`, '\r\n'],
    ['extensions', `1;a\r\na\r\n1;a=b;c="d;\t\\"e"\r\nb\r\n0;last\r\n\r\n`, 'ab'],
    ['trailers', '1\r\na\r\n0\r\nX-A: b\r\nSet-Cookie: a\r\n\r\n', 'a'],
    ['long extensions of many chunks', `1;${'a'.repeat(1000)}\r\na\r\n`.repeat(3) + END, 'aaa'],
  ])('reads %s (RFC 9112 §7.1)', (_what, text, body) => {
    expect(read(`${text}behind`)).toEqual({ body, isDone: true, rest: 'behind' });
  });

  it.each([
    ['a size that is none', `z\r\na\r\n${END}`],
    ['a size in front of which there is a space', ` 1\r\na\r\n${END}`],
    ['a size behind which there is a space', `1 \r\na\r\n${END}`],
    ['a size with a sign', `+1\r\na\r\n${END}`],
    ['a size with a prefix', `0x1\r\na\r\n${END}`],
    ['an empty size, and the end behind it', '\r\n\r\n'],
    ['no size in front of an extension', ';a\r\n\r\n'],
    ['17 digits', `00000000000000001\r\na\r\n${END}`],
    ['a size beyond 2^53', 'ffffffffffffffff\r\na'],
    ['a size that ends in a line feed', `1\na\r\n${END}`],
    ['a size that ends in a carriage return', `1\rXa\r\n${END}`],
    ['a chunk that ends in a line feed', `1\r\na\n${END}`],
    ['a chunk that ends in no line end', `1\r\naXX${END}`],
    ['a chunk that ends in half of one', `1\r\na\rX${END}`],
    ['a semicolon without an extension', `1;\r\na\r\n${END}`],
    ['an extension without a name', `1;=b\r\na\r\n${END}`],
    ['a NUL in the place of an extension', `1;\0\r\na\r\n${END}`],
    ['a space in the place of an extension', `1; \r\na\r\n${END}`],
    ['a line feed in an extension', `1;a\nb\r\na\r\n${END}`],
    ['a NUL in an extension', `1;a\0b\r\na\r\n${END}`],
    ['extensions of more than a kilobyte', `1;${'a'.repeat(1100)}\r\na\r\n${END}`],
    ['blanks of more than a kilobyte', `1${' '.repeat(1100)};a\r\na\r\n${END}`],
    ['white space before a semicolon', `1 ;a\r\na\r\n${END}`],
    ['white space behind an extension', `1;a \r\na\r\n${END}`],
    ['an extension that ends in its equals sign', `1;a=\r\na\r\n${END}`],
    ['an extension with two equals signs', `1;a==b\r\na\r\n${END}`],
    ['a quoted extension without an end', `1;a="b\r\na\r\n${END}`],
    ['something behind a quoted extension', `1;a="b"c\r\na\r\n${END}`],
    ['a length in the trailers', '0\r\nContent-Length: 5\r\n\r\n'],
    ['another framing in the trailers', '0\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a trailer that continues', '0\r\nX-A: b\r\n c\r\n\r\n'],
    ['a trailer that ends in a line feed', '0\r\nX-A: b\n\r\n'],
    ['a line feed as its end', '0\r\n\n'],
  ])('refuses %s (H10)', (_what, text) => {
    expect(() => read(text)).toThrow(MessageError);
  });

  it('reads the line of a chunk up to its bound, in one piece or many, and refuses one byte more (H10)', () => {
    const lineOf = (bytes: number) => `1;${'a'.repeat(bytes - '1;\r'.length)}\r\n`;
    const inPieces = (text: string) => {
      const body = new ChunkedBody(() => {});
      for (const byte of text) body.read(Buffer.from(byte), 0);
      return body.isDone;
    };
    expect(read(`${lineOf(1024)}a\r\n${END}`).isDone).toBe(true);
    expect(inPieces(`${lineOf(1024)}a\r\n${END}`)).toBe(true);
    expect(() => read(lineOf(1025))).toThrow('too long');
    expect(() => inPieces(lineOf(1025))).toThrow('too long');
  });

  it('keeps nothing between a cut and the rest', () => {
    const text = `5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-A: b\r\n\r\n`;
    const pieces: Buffer[] = [];
    const body = new ChunkedBody((piece) => void pieces.push(piece));
    for (const byte of text) body.read(Buffer.from(byte), 0);
    expect([Buffer.concat(pieces).toString(), body.isDone]).toEqual(['hello!', true]);
  });
});
