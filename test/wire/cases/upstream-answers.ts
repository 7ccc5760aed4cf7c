/** Answers of upstreams that are broken, lie, or say more than they were asked; and what the client may see of them. */

export interface AnswerCase {
  readonly name: string;
  readonly row: string;
  readonly method?: string;
  readonly bytes: string;
  /** What the upstream does behind its bytes. Absent: it keeps the connection. */
  readonly end?: 'fin' | 'reset';
  /**
   * `refused`: 502, nothing of the answer is seen. `cut`: begun, and cut where it cannot be taken for whole.
   * Otherwise the status and body that the client gets, whole.
   */
  readonly seen: 'refused' | 'cut' | { readonly status: number; readonly body: string };
  /** True where the connection serves another request. Anything doubtful is closed. */
  readonly isReused: boolean;
}

const ok = (lines: string, body = '') => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;
const LENGTH = 'Content-Length: 5\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const OK = ok(LENGTH, 'hello');

const refused = { row: 'H10', seen: 'refused', isReused: false } as const;
const cut = { row: 'H10', seen: 'cut', isReused: false } as const;
const hello = { seen: { status: 200, body: 'hello' } } as const;

const NOT_HTTP: readonly AnswerCase[] = [
  ['HTTP/0.9', 'hello\r\n\r\n'],
  ['a request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['TLS', '\x15\x03\x01\x00\x02\x02\x28\r\n\r\n'],
  ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
  ['status 99', 'HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello'],
  ['status 000', 'HTTP/1.1 000 Odd\r\nContent-Length: 5\r\n\r\nhello'],
  ['status 1000', 'HTTP/1.1 1000 Odd\r\nContent-Length: 5\r\n\r\nhello'],
  ['status 20', 'HTTP/1.1 20 Odd\r\nContent-Length: 5\r\n\r\nhello'],
  ['status 2xx', 'HTTP/1.1 2xx Odd\r\nContent-Length: 5\r\n\r\nhello'],
  ['no status', 'HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['a negative status', 'HTTP/1.1 -200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['HTTP/1.9', 'HTTP/1.9 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['HTTP/2.0', `HTTP/2.0 200 OK\r\n${LENGTH}\r\nhello`],
  ['http in lower case', 'http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['ICY', 'ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ['a bare CR in a value', ok(`X-A: b\rX-B: c\r\n${LENGTH}`, 'hello')],
  ['a NUL in a value', ok(`X-A: b\0c\r\n${LENGTH}`, 'hello')],
  ['a control character in a value', ok(`X-A: b\x01c\r\n${LENGTH}`, 'hello')],
  ['DEL in a value', ok(`X-A: b\x7fc\r\n${LENGTH}`, 'hello')],
  ['a bare CR in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello'],
  ['a NUL in the reason', `HTTP/1.1 200 O\0K\r\n${LENGTH}\r\nhello`],
  ['a space in a name', ok(`X A: b\r\n${LENGTH}`, 'hello')],
  ['a space before the colon', ok(`X-A : b\r\n${LENGTH}`, 'hello')],
  ['a space before the colon of its length', ok('Content-Length : 5\r\n', 'hello')],
  ['a line without colon', ok(`X-A\r\n${LENGTH}`, 'hello')],
  ['a line without name', ok(`: b\r\n${LENGTH}`, 'hello')],
  ['a NUL in a name', ok(`X\0A: b\r\n${LENGTH}`, 'hello')],
  ['a folded first line', `HTTP/1.1 200 OK\r\n X-A: b\r\n${LENGTH}\r\nhello`],
  ['two lengths', ok('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello')],
  ['two lengths of another case', ok('Content-Length: 5\r\ncontent-length: 0\r\n', 'hello')],
  ['the same length twice', ok(`${LENGTH}${LENGTH}`, 'hello')],
  ['a list of lengths', ok('Content-Length: 5, 5\r\n', 'hello')],
  ['a signed length', ok('Content-Length: +5\r\n', 'hello')],
  ['a negative length', ok('Content-Length: -5\r\n', 'hello')],
  ['a hexadecimal length', ok('Content-Length: 0x5\r\n', 'hello')],
  ['a length of words', ok('Content-Length: five\r\n', 'hello')],
  ['an empty length', ok('Content-Length:\r\n', 'hello')],
  ['a length of 2^64', ok('Content-Length: 18446744073709551621\r\n', 'hello')],
  ['both framings', ok(`${LENGTH}${CHUNKED}`, '5\r\nhello\r\n0\r\n\r\n')],
  ['both framings, chunks first', ok(`${CHUNKED}${LENGTH}`, '5\r\nhello\r\n0\r\n\r\n')],
  ['a header of 70 KB', ok(`X-Big: ${'x'.repeat(70_000)}\r\n${LENGTH}`, 'hello')],
  ['an unsolicited 101', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
].map(([name, bytes]) => ({ name: name ?? '', bytes: bytes ?? '', ...refused }));

const BROKEN_BODIES: readonly AnswerCase[] = [
  ['a chunk size that is none', 'zz\r\nhello\r\n0\r\n\r\n'],
  ['a signed chunk size', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size of 2^64', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a chunk that is longer than said', '5\r\nhello!!\r\n0\r\n\r\n'],
  ['a line feed behind a chunk size', '5\nhello\r\n0\r\n\r\n'],
  ['a line feed behind a chunk', '5\r\nhello\n0\r\n\r\n'],
  ['a line feed in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
  ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
  ['a trailer without colon', '5\r\nhello\r\n0\r\nX-Trailer\r\n\r\n'],
].map(([name, body]) => ({ name: name ?? '', bytes: ok(CHUNKED, body), ...cut }));

const CUT_SHORT: readonly AnswerCase[] = [
  { name: 'a length and too little', bytes: ok('Content-Length: 10\r\n', 'hello') },
  { name: 'a length and nothing', bytes: ok('Content-Length: 10\r\n') },
  { name: 'chunks and no last one', bytes: ok(CHUNKED, '5\r\nhello\r\n') },
  { name: 'chunks and half of one', bytes: ok(CHUNKED, '5\r\nhel') },
  { name: 'chunks and half of the last one', bytes: ok(CHUNKED, '5\r\nhello\r\n0\r\n') },
].flatMap((one) =>
  (['fin', 'reset'] as const).map(
    (end) =>
      ({ ...one, name: `${one.name}, then ${end}`, row: 'U01', end, seen: 'cut', isReused: false }) as const,
  ),
);

/** More than was asked for: the answer counts, the rest is thrown away with the connection. */
const TOO_MUCH: readonly AnswerCase[] = [
  { name: 'bytes behind its length', bytes: `${OK}garbage` },
  { name: 'a second answer behind it', bytes: OK + ok('Content-Length: 4\r\n', 'evil') },
  {
    name: 'a second answer behind chunks',
    bytes: ok(CHUNKED, '5\r\nhello\r\n0\r\n\r\n') + ok('Content-Length: 4\r\n', 'evil'),
  },
].map((one) => ({ ...one, ...hello, row: 'S08', isReused: false }));

const PASSED: readonly AnswerCase[] = [
  { name: 'a length', bytes: OK, isReused: true },
  { name: 'chunks', bytes: ok(CHUNKED, '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'), isReused: true },
  { name: 'chunk extensions', bytes: ok(CHUNKED, '5;a=b\r\nhello\r\n0\r\n\r\n'), isReused: true },
  { name: 'trailers', bytes: ok(CHUNKED, '5\r\nhello\r\n0\r\nX-Trailer: EVIL\r\n\r\n'), isReused: true },
  { name: 'no length', bytes: ok('', 'hello'), end: 'fin', isReused: false },
  { name: 'no length, from HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\n\r\nhello', end: 'fin', isReused: false },
  { name: 'no reason phrase', bytes: `HTTP/1.1 200 \r\n${LENGTH}\r\nhello`, isReused: true },
  { name: 'a line end behind it', bytes: `${OK}\r\n`, isReused: false },
  { name: 'Connection: close', bytes: ok(`Connection: close\r\n${LENGTH}`, 'hello'), isReused: false },
  // RFC 9110 §15.2: informational answers may come unasked.
  { name: '100 before it', bytes: `HTTP/1.1 100 Continue\r\n\r\n${OK}`, isReused: true },
  { name: '102 before it', bytes: `HTTP/1.1 102 Processing\r\n\r\n${OK}`, isReused: true },
  {
    name: '103 before it',
    bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-JWT-Assertion: EVIL\r\n\r\n${OK}`,
    isReused: true,
  },
  {
    name: 'three 103 before it',
    bytes: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3) + OK,
    isReused: true,
  },
].map((one) => ({ row: 'H09', ...hello, ...one }) as AnswerCase);

const WITHOUT_BODY: readonly AnswerCase[] = [
  { name: '204', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, isReused: true },
  {
    name: '204 with a length',
    bytes: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
    status: 204,
    isReused: false,
  },
  {
    name: '304 with the length of what is not sent',
    bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n',
    status: 304,
    isReused: true,
  },
  {
    name: '304 with a body',
    bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello',
    status: 304,
    isReused: false,
  },
  {
    name: 'HEAD with a length',
    method: 'HEAD',
    bytes: ok('Content-Length: 1234\r\n'),
    status: 200,
    isReused: false,
  },
  { name: 'HEAD with chunks announced', method: 'HEAD', bytes: ok(CHUNKED), status: 200, isReused: false },
  { name: 'HEAD with a body', method: 'HEAD', bytes: OK, status: 200, isReused: false },
  { name: 'GET with an empty body', bytes: ok('Content-Length: 0\r\n'), status: 200, isReused: true },
].map(({ status, ...one }) => ({ row: 'H09', seen: { status, body: '' }, ...one }));

/** Coded content is not looked into, whether it is what it says or not (row D07). */
const CODED: readonly AnswerCase[] = ['gzip', 'br', 'zstd', 'deflate', 'gzip, gzip', 'unknown'].map(
  (coding) => {
    const body = '\x1f\x8b\x08\x00\x00no such thing\xff\0\r\n\r\n';
    const lines = `Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n`;
    return {
      name: `Content-Encoding: ${coding}`,
      row: 'D07',
      bytes: ok(lines, body),
      seen: { status: 200, body },
      isReused: true,
    };
  },
);

export const ANSWERS: readonly AnswerCase[] = [
  ...NOT_HTTP,
  ...BROKEN_BODIES,
  ...CUT_SHORT,
  ...TOO_MUCH,
  ...PASSED,
  ...WITHOUT_BODY,
  ...CODED,
];
