/**
 * Ways to write Transfer-Encoding that one server reads as chunked and another does not. Smuggling needs two servers
 * that disagree; the gateway must be none of them (RFC 9112 §6.1, §11.2).
 */

export interface GadgetFamily {
  readonly name: string;
  /** Raw header lines, each with its end. */
  readonly lines: readonly string[];
}

/** Control characters, white space of Latin-1, and separators of RFC 9110 §5.6.2. */
const ODD = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...[' ', '\x7f', '\x80', '\x85', '\xa0', '\xad', '\xff', '"', "'", '(', ')', ',', '/', ':', ';', '='],
  ...['?', '@', '[', '\\', ']', '{', '}', '_', '.', '*', '%00', '%20', '\\r', '\\x0b'],
].filter((character) => character !== '\n');

const NAME = 'Transfer-Encoding';
const odd = (write: (character: string) => string) => ODD.map((character) => `${write(character)}\r\n`);
const values = (...given: string[]) => given.map((value) => `${NAME}: ${value}\r\n`);

const CASES = ['transfer-encoding', 'TRANSFER-ENCODING', 'tRANSFER-eNCODING', 'Transfer-encoding'];
const CODINGS = [
  'Chunked',
  'CHUNKED',
  'cHuNkEd',
  'chunKed',
  'chun\u212aed'.replace('\u212a', '\xe2\x84\xaa'),
];

export const GADGETS: readonly GadgetFamily[] = [
  { name: 'a character before the coding', lines: odd((odd) => `${NAME}: ${odd}chunked`) },
  { name: 'a character after the coding', lines: odd((odd) => `${NAME}: chunked${odd}`) },
  { name: 'a character within the coding', lines: odd((odd) => `${NAME}: chu${odd}nked`) },
  { name: 'a character in place of the space', lines: odd((odd) => `${NAME}:${odd}chunked`) },
  { name: 'a character before the name', lines: odd((odd) => `${odd}${NAME}: chunked`) },
  { name: 'a character after the name', lines: odd((odd) => `${NAME}${odd}: chunked`) },
  { name: 'a character in place of the hyphen', lines: odd((odd) => `Transfer${odd}Encoding: chunked`) },
  { name: 'a character around the colon', lines: odd((odd) => `${NAME} ${odd}:${odd} chunked`) },
  {
    name: 'names and codings in another case',
    lines: [...CASES.map((name) => `${name}: chunked\r\n`), ...values(...CODINGS)],
  },
  {
    name: 'lists',
    lines: values(
      ...['chunked, chunked', 'chunked,chunked', 'chunked, identity', 'identity, chunked', 'gzip, chunked'],
      ...['chunked, gzip', 'chunked,', ',chunked', ', chunked', 'chunked, ', ',,chunked', 'chunked,,'],
      ...['identity,chunked', 'cow, chunked', 'chunked, cow', 'trailers, chunked', 'x, chunked, y'],
    ),
  },
  {
    name: 'parameters and quotes',
    lines: values(
      ...['chunked;q=1', 'chunked; q=1', 'chunked ;a=b', 'chunked;', ';chunked', '"chunked"', "'chunked'"],
      ...[
        '"chunked',
        'chunked"',
        '(chunked)',
        '<chunked>',
        '[chunked]',
        '{chunked}',
        '\\chunked',
        '"\\chunked"',
      ],
    ),
  },
  {
    name: 'other codings',
    lines: values(
      ...[
        '',
        ' ',
        '\t',
        'identity',
        'gzip',
        'deflate',
        'compress',
        'cow',
        'xchunked',
        'x-chunked',
        'chunkedx',
      ],
      ...[
        'chunk',
        'chunke',
        'nothing-chunked',
        'chunked-false',
        'chunked chunked',
        'chunked\tchunked',
        '0',
        '5',
      ],
      ...['chunked, ', 'chun-ked', 'CHUNKED,', 'chunked\xa0', '\xef\xbb\xbfchunked', 'c', 'false', 'null'],
    ),
  },
  {
    name: 'two lines',
    lines: ['chunked', 'identity', 'cow', '', 'gzip', 'Chunked', 'chunked, identity', ' chunked\t'].flatMap(
      (other) => [
        `${NAME}: chunked\r\n${NAME}: ${other}\r\n`,
        `${NAME}: ${other}\r\n${NAME}: chunked\r\n`,
        `${NAME}: ${other}\r\nX-Between: 1\r\ntransfer-encoding: chunked\r\n`,
      ],
    ),
  },
  {
    name: 'folded lines',
    lines: [
      ...[`${NAME}:\r\n chunked\r\n`, `${NAME}:\r\n\tchunked\r\n`, `${NAME}: chunked\r\n \r\n`],
      ...[
        `${NAME}:\r\n \r\n chunked\r\n`,
        `${NAME}: chu\r\n nked\r\n`,
        `${NAME}: identity\r\n , chunked\r\n`,
      ],
      ...[`${NAME}\r\n : chunked\r\n`, `X-Folded: a\r\n ${NAME}: chunked\r\n`, ` ${NAME}: chunked\r\n`],
      ...[`\t${NAME}: chunked\r\n`, `X-Folded:\r\n ${NAME}: chunked\r\n`, `${NAME}: chunked\r\n\tX-B: c\r\n`],
    ],
  },
  {
    name: 'line ends that are none',
    lines: [
      ...[`X-A: b\n${NAME}: chunked\r\n`, `X-A: b\r${NAME}: chunked\r\n`, `${NAME}: chunked\n`],
      ...[`${NAME}: chunked\r`, `\n${NAME}: chunked\r\n`, `\r${NAME}: chunked\r\n`, `${NAME}:\nchunked\r\n`],
      ...[
        `${NAME}:\rchunked\r\n`,
        `${NAME}: chunked\r\r\n`,
        `${NAME}: chunked\n\r\n`,
        `X-A: b\0${NAME}: chunked\r\n`,
      ],
      ...[
        `X-A: b\x0b${NAME}: chunked\r\n`,
        `X-A: b\x85${NAME}: chunked\r\n`,
        `X-A: "\r\n${NAME}: chunked"\r\n`,
      ],
    ],
  },
  {
    name: 'other names',
    lines: [
      ...[
        'Transfer_Encoding',
        'Transfer.Encoding',
        'TransferEncoding',
        'Transfer--Encoding',
        'X-Transfer-Encoding',
      ],
      ...['Transfer-Encodings', 'Transfer-Encodin', 'ransfer-Encoding', 'Content-Encoding', 'TE', 'Transfer'],
      ...['Transfer%2dEncoding', 'Transfer-Encoding-', '-Transfer-Encoding', 'transfer~encoding'],
    ].map((name) => `${name}: chunked\r\n`),
  },
  {
    name: 'removed by Connection',
    lines: ['close, Transfer-Encoding', 'Transfer-Encoding', 'transfer-encoding, Content-Length'].map(
      (listed) => `Connection: ${listed}\r\n${NAME}: chunked\r\n`,
    ),
  },
];

export interface Attack {
  readonly name: string;
  /** The header lines of the first request, around the gadget, and what follows its head. */
  readonly write: (gadget: string) => { readonly lines: string; readonly body: string };
}

const chunked = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n0\r\n\r\n`;

/** `smuggled` is a whole request: it must never be taken for one. */
export function attacks(smuggled: string): readonly Attack[] {
  const behind = `0\r\n\r\n${smuggled}`;
  const hidden = chunked('hello');
  return [
    {
      name: 'CL.TE',
      write: (gadget) => ({ lines: `Content-Length: ${behind.length}\r\n${gadget}`, body: behind }),
    },
    { name: 'TE.CL', write: (gadget) => ({ lines: `${gadget}Content-Length: 3\r\n`, body: hidden }) },
    { name: 'TE alone', write: (gadget) => ({ lines: gadget, body: hidden }) },
  ];
}
