/** Requests whose end is disputed, given up or late: what may reach the upstream, and what the client is told. */

export interface FramingCase {
  readonly name: string;
  readonly row: string;
  /** Raw header lines of the first request, and the bytes behind its head. */
  readonly lines: string;
  readonly body: string;
  readonly method?: string;
  readonly version?: string;
  /** No token: the first request is refused early. */
  readonly isAnonymous?: true;
  readonly target?: string;
  /** Status of the first answer. */
  readonly status: number;
  /** What the upstream receives before the sentinel: nothing, or one request with this body. */
  readonly forwarded: null | string;
  /** True where the connection serves the sentinel too. */
  readonly isKept: boolean;
}

/** Looks like a request to whoever loses count. */
const NEXT = 'GET /smuggled HTTP/1.1\r\nHost: wire.test\r\nX-Wire-Tag: smuggled\r\n\r\n';
const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;
const LAST = '0\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const DRAINED_BYTES_MAX = 64 * 1024;

const refused = { status: 400, forwarded: null, isKept: false } as const;
const passed = { status: 200, isKept: true } as const;

/** A body that is whole: it goes on as it is, whatever the method and whatever it looks like. */
const WHOLE: readonly FramingCase[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'PUT', 'POST'].flatMap(
  (method) => [
    {
      name: `${method} with chunks that look like a request`,
      row: 'S05',
      method,
      lines: CHUNKED,
      body: chunk(NEXT) + LAST,
      forwarded: NEXT,
      ...passed,
    },
    {
      name: `${method} with a length and a body that looks like a request`,
      row: 'S05',
      method,
      lines: `Content-Length: ${NEXT.length}\r\n`,
      body: NEXT,
      forwarded: NEXT,
      ...passed,
    },
  ],
);

const CHUNKS: readonly FramingCase[] = [
  {
    name: 'chunks of one byte',
    body: [...'hello'].map(chunk).join('') + LAST,
    forwarded: 'hello',
    ...passed,
  },
  {
    name: 'upper and lower case sizes',
    body: `A\r\n0123456789\r\na\r\n0123456789\r\n${LAST}`,
    forwarded: '01234567890123456789',
    ...passed,
  },
  { name: 'leading zeros of a size', body: `005\r\nhello\r\n000\r\n\r\n`, forwarded: 'hello', ...passed },
  { name: 'a chunk extension', body: `5;name=value\r\nhello\r\n${LAST}`, forwarded: 'hello', ...passed },
  {
    name: 'a quoted chunk extension',
    body: `5;name="a;b"\r\nhello\r\n${LAST}`,
    forwarded: 'hello',
    ...passed,
  },
  { name: 'a trailer', body: `5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n`, forwarded: 'hello', ...passed },
  {
    name: 'an identity in a trailer',
    body: `5\r\nhello\r\n0\r\nX-JWT-Assertion: EVIL\r\n\r\n`,
    forwarded: 'hello',
    ...passed,
  },
  { name: 'an empty body', body: LAST, forwarded: '', ...passed },
].map((one) => ({ method: 'POST', row: 'S02', lines: CHUNKED, ...one }));

/** Each breaks after the head was forwarded, or might have been: the upstream must never see a whole request. */
const BROKEN_CHUNKS: readonly FramingCase[] = [
  ['a size that is none', `zz\r\nhello\r\n${LAST}`],
  ['a signed size', `+5\r\nhello\r\n${LAST}`],
  ['a negative size', `-5\r\nhello\r\n${LAST}`],
  ['a hexadecimal prefix', `0x5\r\nhello\r\n${LAST}`],
  ['an empty size', `\r\nhello\r\n${LAST}`],
  ['a space before the size', ` 5\r\nhello\r\n${LAST}`],
  ['a space after the size', `5 \r\nhello\r\n${LAST}`],
  ['a size of 2^64 and five', `10000000000000005\r\nhello\r\n${LAST}`],
  ['a line feed behind the size', `5\nhello\r\n${LAST}`],
  ['a carriage return behind the size', `5\rhello\r\n${LAST}`],
  ['a line feed behind the data', `5\r\nhello\n${LAST}`],
  ['no line end behind the data', `5\r\nhello${LAST}`],
  ['two bytes too many', `5\r\nhello!!\r\n${LAST}`],
  ['a line feed in an extension (CVE-2025-55315)', `5;a\nb\r\nhello\r\n${LAST}`],
  ['a carriage return in an extension', `5;a\rb\r\nhello\r\n${LAST}`],
  ['a NUL in an extension', `5;a\0b\r\nhello\r\n${LAST}`],
  ['an extension of 20 KiB', `5;${'x'.repeat(20 * 1024)}\r\nhello\r\n${LAST}`],
  ['a line feed that ends the chunks', `5\r\nhello\r\n0\r\n\n`],
  ['a trailer without a colon', `5\r\nhello\r\n0\r\nX-Trailer\r\n\r\n`],
  ['a space before the colon of a trailer', `5\r\nhello\r\n0\r\nX-Trailer : a\r\n\r\n`],
  ['a length in a trailer', `5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n`],
  ['a folded trailer', `5\r\nhello\r\n0\r\nX-Trailer: a\r\n b\r\n\r\n`],
].map(([what, body]) => ({
  name: `chunks with ${what}`,
  row: 'S07',
  method: 'POST',
  lines: CHUNKED,
  body: body ?? '',
  ...refused,
}));

const LENGTHS: readonly FramingCase[] = [
  ['010', '0x5', '+5', '-5', '5.0', '5e0', '5,5', '5, 5', '5 5', '5;', '"5"', '5\t5', '', ' ', 'five'],
  ['9007199254740993', '18446744073709551621', '99999999999999999999', '5\xa0', '\xa05', '٥', '00'],
]
  .flat()
  .map((value) => ({
    name: `Content-Length: ${JSON.stringify(value)}`,
    row: 'S02',
    method: 'POST',
    lines: `Content-Length: ${Buffer.from(value).toString('latin1')}\r\n`,
    body: 'hello',
    ...refused,
  }));

const TWO_LENGTHS: readonly FramingCase[] = [
  ['twice the same', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
  ['twice', 'Content-Length: 5\r\nContent-Length: 0\r\n'],
  ['twice in another case', 'Content-Length: 5\r\ncontent-length: 6\r\n'],
  ['apart', 'Content-Length: 5\r\nX-Between: 1\r\nContent-Length: 6\r\n'],
  ['with a space before the colon', 'Content-Length : 5\r\n'],
  ['folded', 'Content-Length:\r\n 5\r\n'],
  ['with Transfer-Encoding before it', `${CHUNKED}Content-Length: 5\r\n`],
  ['with Transfer-Encoding behind it', `Content-Length: 5\r\n${CHUNKED}`],
  ['with Transfer-Encoding: identity', 'Content-Length: 5\r\nTransfer-Encoding: identity\r\n'],
].map(([what, lines]) => ({
  name: `Content-Length ${what}`,
  row: 'S02',
  method: 'POST',
  lines: lines ?? '',
  body: 'hello',
  ...refused,
}));

/** The alias stays behind, so an upstream that reads it as the name itself frames nothing by it (row S03). */
const ALIASES: readonly FramingCase[] = [
  'Content_Length',
  'Content.Length',
  'content_length',
  'Content~Length',
].map((name) => ({
  name: `${name} beside a real length`,
  row: 'S03',
  method: 'POST',
  lines: `Content-Length: 5\r\n${name}: 0\r\n`,
  body: 'hello',
  forwarded: 'hello',
  ...passed,
}));

/** The answer comes before the body was read: its bytes are no next request (row S06). */
const REFUSED_EARLY: readonly FramingCase[] = [
  { name: 'no token, a small body', lines: `Content-Length: ${NEXT.length}\r\n`, body: NEXT, isKept: true },
  { name: 'no token, chunks', lines: CHUNKED, body: chunk(NEXT) + LAST, isKept: false },
  { name: 'no token, chunks that break', lines: CHUNKED, body: `zz\r\n${NEXT}`, isKept: false, status: 400 },
  {
    name: 'no token, a body larger than what is read in vain',
    lines: `Content-Length: ${DRAINED_BYTES_MAX * 4}\r\n`,
    body: NEXT.repeat(Math.ceil((DRAINED_BYTES_MAX * 4) / NEXT.length)).slice(0, DRAINED_BYTES_MAX * 4),
    isKept: false,
  },
  { name: 'no token, chunks that never end', lines: CHUNKED, body: chunk(NEXT).repeat(2000), isKept: false },
].map(
  (one) => ({ method: 'POST', row: 'S06', isAnonymous: true, status: 401, forwarded: null, ...one }) as const,
);

const OTHER_REFUSALS: readonly FramingCase[] = [
  { name: 'a method that the route does not allow', target: '/read-only', status: 405, isKept: true },
  { name: 'an ambiguous path', target: '/a//b', status: 400, isKept: true },
  {
    name: 'an expectation nobody knows',
    status: 417,
    isKept: false,
    lines: `Expect: magic\r\nContent-Length: ${NEXT.length}\r\n`,
  },
  { name: 'TRACE with a body', method: 'TRACE', status: 501, isKept: false },
].map((one) => ({
  method: 'POST',
  row: 'S06',
  lines: `Content-Length: ${NEXT.length}\r\n`,
  body: NEXT,
  forwarded: null,
  ...one,
}));

const VERSIONS: readonly FramingCase[] = [
  {
    name: 'chunks on HTTP/1.0',
    version: '1.0',
    lines: CHUNKED,
    body: chunk(NEXT) + LAST,
    status: 411,
    forwarded: null,
  },
  {
    name: 'a length on HTTP/1.0',
    version: '1.0',
    lines: 'Content-Length: 5\r\n',
    body: 'hello',
    status: 200,
    forwarded: 'hello',
  },
  {
    name: 'Expect on HTTP/1.0',
    version: '1.0',
    lines: 'Expect: 100-continue\r\nContent-Length: 5\r\n',
    body: 'hello',
    status: 200,
    forwarded: 'hello',
  },
  {
    name: 'chunks on HTTP/2.0',
    version: '2.0',
    lines: CHUNKED,
    body: chunk(NEXT) + LAST,
    status: 400,
    forwarded: null,
  },
  {
    name: 'chunks on HTTP/1.2',
    version: '1.2',
    lines: CHUNKED,
    body: chunk(NEXT) + LAST,
    status: 400,
    forwarded: null,
  },
].map((one) => ({ method: 'POST', row: 'S04', isKept: false, ...one }));

export const FRAMING: readonly FramingCase[] = [
  ...WHOLE,
  ...CHUNKS,
  ...BROKEN_CHUNKS,
  ...LENGTHS,
  ...TWO_LENGTHS,
  ...ALIASES,
  ...REFUSED_EARLY,
  ...OTHER_REFUSALS,
  ...VERSIONS,
];
