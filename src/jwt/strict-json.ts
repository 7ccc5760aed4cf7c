/**
 * JSON without the freedoms that let two parsers read one text differently (RFC 8259 §4, §6, §8.2): no duplicate
 * names, no lone surrogates, no number that a double changes. `JSON.parse` makes the value; a linear scan of the then
 * known-valid text refuses the rest.
 */
import { isUtf8 } from 'node:buffer';
import { CountersignError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

/** Real tokens nest 3 or 4 levels. `JSON.stringify`, which writes the claims again, overflows the stack near 3000. */
const DEPTH_MAX = 32;
/** In all objects of one text together. The largest real token seen has about 100; a set of 100 keys has 1200. */
const MEMBERS_MAX = 2000;

/**
 * Integers beyond ±(2^53−1), in whatever notation, are refused; fractions are rounded and `-0` is 0 when written again.
 *
 * @throws CountersignError malformed
 */
export function parseStrictJson(text: string): Json {
  const value = parse(text);
  checkText(text);
  return value;
}

/**
 * UTF-8 without a byte order mark (RFC 8259 §8.1).
 *
 * @throws CountersignError malformed
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw malformed('text is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.startsWith('\ufeff')) throw malformed('text starts with a byte order mark');
  return text;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message quotes the text, which may be a token's: it must not reach a log.
    throw malformed('text is not JSON');
  }
}

interface Scan {
  readonly text: string;
  /** False for most texts: then a string ends at the next quotation mark. */
  readonly hasEscapes: boolean;
  /** Names seen in each open container, innermost last; null for arrays. */
  readonly open: (Set<string> | null)[];
  members: number;
  /** The next string is a member's name. */
  nameFollows: boolean;
}

function checkText(text: string): void {
  const scan: Scan = { text, hasEscapes: text.includes('\\'), open: [], members: 0, nameFollows: false };
  for (let start = 0; start < text.length; ) start = checkToken(scan, start);
}

/** Checks what begins here and gives its end. The text is valid JSON: all else carries nothing to check. */
function checkToken(scan: Scan, start: number): number {
  const character = scan.text.charAt(start);
  switch (character) {
    case '{':
      enter(scan, new Set());
      return start + 1;
    case '[':
      enter(scan, null);
      return start + 1;
    case '}':
    case ']':
      scan.open.pop();
      return start + 1;
    case ',':
      scan.nameFollows = scan.open.at(-1) !== null;
      return start + 1;
    case '"':
      return checkString(scan, start);
    default:
      return isNumberStart(character) ? checkNumber(scan.text, start) : start + 1;
  }
}

function enter(scan: Scan, names: Set<string> | null): void {
  if (scan.open.push(names) > DEPTH_MAX) throw malformed('JSON nests too deep');
  scan.nameFollows = names !== null;
}

/** Names are compared after unescaping: `"\u0073ub"` is `"sub"`. */
function checkString(scan: Scan, start: number): number {
  const end = endOfString(scan, start);
  const content = contentOf(scan, start, end);
  if (!content.isWellFormed()) throw malformed('JSON string holds a lone surrogate');
  if (scan.nameFollows) checkName(scan, content);
  return end;
}

function endOfString({ text, hasEscapes }: Scan, start: number): number {
  if (!hasEscapes) return text.indexOf('"', start + 1) + 1;
  let index = start + 1;
  while (text.charAt(index) !== '"') index += text.charAt(index) === '\\' ? 2 : 1;
  return index + 1;
}

function contentOf({ text, hasEscapes }: Scan, start: number, end: number): string {
  const content = text.slice(start + 1, end - 1);
  return hasEscapes && content.includes('\\') ? JSON.parse(text.slice(start, end)) : content;
}

function checkName(scan: Scan, name: string): void {
  scan.nameFollows = false;
  scan.members += 1;
  if (scan.members > MEMBERS_MAX) throw malformed('JSON has too many members');
  const names = scan.open.at(-1);
  if (names?.has(name)) throw malformed('JSON object has a member twice');
  names?.add(name);
}

function isNumberStart(character: string): boolean {
  return character === '-' || (character >= '0' && character <= '9');
}

const NUMBER = /[0-9.eE+-]+/y;

function checkNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  NUMBER.test(text);
  const end = NUMBER.lastIndex;
  const value = Number(text.slice(start, end));
  if (!Number.isFinite(value)) throw malformed('JSON number overflows');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw malformed('JSON integer is beyond 2^53−1');
  return end;
}

function malformed(message: string): CountersignError {
  return new CountersignError('malformed', message);
}
