/**
 * A strict reading of HTTP/1.1 (RFC 9112), written apart from every parser that is tested here: what it calls invalid,
 * some server or client out there would read in another way.
 */

export interface WireMessage {
  /** Request line or status line. */
  readonly startLine: string;
  /** Names as sent, and values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Decoded, latin-1. */
  readonly body: string;
}

export type Reading =
  | { readonly kind: 'message'; readonly message: WireMessage; readonly rest: string }
  /** More bytes are needed. `head`: what is known of the message already. */
  | { readonly kind: 'partial'; readonly head: Omit<WireMessage, 'body'> | null }
  | { readonly kind: 'invalid'; readonly why: string };

/** The values of the header, in order; `lowerName` in lower case. */
export function valuesOf({ headers }: Pick<WireMessage, 'headers'>, lowerName: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === lowerName).map(([, value]) => value);
}

/** The second word of the start line: a target, or a status. */
export function secondWord({ startLine }: Pick<WireMessage, 'startLine'>): string {
  return startLine.split(' ')[1] ?? '';
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.1$/;
const STATUS_LINE = /^HTTP\/1\.1 [1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*$/;
const FIELD =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*(|[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[\t ]*$/;

/** Reads one request from the start of the text. */
export function readRequest(text: string): Reading {
  return readMessage(text, REQUEST_LINE, (head) => {
    if (valuesOf(head, 'host').length !== 1) return { kind: 'invalid', why: 'not exactly one Host' };
    return framingOf(head) ?? { kind: 'length', bytes: 0 };
  });
}

/** Reads one response. `isClosed`: no more bytes will come, which ends a body that has no other end. */
export function readResponse(text: string, method: string, isClosed: boolean): Reading {
  return readMessage(text, STATUS_LINE, (head) => {
    const status = Number(secondWord(head));
    const framing = framingOf(head);
    if (framing?.kind === 'invalid') return framing;
    if (status < 200 || status === 204)
      return framing === null
        ? { kind: 'length', bytes: 0 }
        : { kind: 'invalid', why: `${status} with a length (RFC 9110 §8.6)` };
    if (method === 'HEAD' || status === 304) return { kind: 'length', bytes: 0 };
    return framing ?? (isClosed ? { kind: 'length', bytes: Number.MAX_SAFE_INTEGER } : { kind: 'open' });
  });
}

type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'open' }
  | { readonly kind: 'invalid'; readonly why: string };

function readMessage(
  text: string,
  startLineRule: RegExp,
  frame: (head: Omit<WireMessage, 'body'>) => Framing,
): Reading {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return { kind: 'partial', head: null };
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  if (!startLineRule.test(startLine)) return invalid(`start line ${JSON.stringify(startLine)}`);
  const fields = lines.map((line) => FIELD.exec(line));
  const bad = fields.indexOf(null);
  if (bad !== -1) return invalid(`header line ${JSON.stringify(lines[bad])}`);
  const head = { startLine, headers: fields.map((field) => [field?.[1] ?? '', field?.[2] ?? ''] as const) };
  const framing = frame(head);
  return readBody(head, framing, text.slice(end + 4));
}

/** Null: nothing is said about a body. A name that CGI and others read as a framing header counts as one. */
function framingOf(head: Omit<WireMessage, 'body'>): Framing | null {
  const said = head.headers.filter(([name]) =>
    /^(?:transfer[^a-z0-9]encoding|content[^a-z0-9]length)$/i.test(name),
  );
  if (said.length > 1) return { kind: 'invalid', why: 'framed more than once' };
  const [name = '', value = ''] = said[0] ?? [];
  if (name === '') return null;
  if (/^transfer-encoding$/i.test(name) && value === 'chunked') return { kind: 'chunked' };
  if (/^content-length$/i.test(name) && /^(?:0|[1-9][0-9]{0,15})$/.test(value))
    return { kind: 'length', bytes: Number(value) };
  return { kind: 'invalid', why: `framed by ${name}: ${value}` };
}

function readBody(head: Omit<WireMessage, 'body'>, framing: Framing, text: string): Reading {
  switch (framing.kind) {
    case 'invalid':
      return framing;
    case 'open':
      return { kind: 'partial', head };
    case 'chunked':
      return readChunks(head, text);
    case 'length': {
      const isShort = text.length < framing.bytes && framing.bytes !== Number.MAX_SAFE_INTEGER;
      if (isShort) return { kind: 'partial', head };
      return whole(head, text.slice(0, framing.bytes), text.slice(framing.bytes));
    }
  }
}

/** RFC 9112 §7.1 without extensions and trailers: a gateway has no reason to send either. */
function readChunks(head: Omit<WireMessage, 'body'>, text: string): Reading {
  const pieces: string[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return { kind: 'partial', head };
    const size = text.slice(at, lineEnd);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(size)) return invalid(`chunk size ${JSON.stringify(size)}`);
    const bytes = Number.parseInt(size, 16);
    const end = lineEnd + 2 + bytes;
    if (text.length < end + 2) return { kind: 'partial', head };
    if (text.slice(end, end + 2) !== '\r\n') return invalid('no line end after a chunk');
    if (bytes === 0) return whole(head, pieces.join(''), text.slice(end + 2));
    pieces.push(text.slice(lineEnd + 2, end));
    at = end + 2;
  }
}

function whole(head: Omit<WireMessage, 'body'>, body: string, rest: string): Reading {
  return { kind: 'message', message: { ...head, body }, rest };
}

function invalid(why: string): Reading {
  return { kind: 'invalid', why };
}
