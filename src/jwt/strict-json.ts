/**
 * JSON without the freedoms that let two parsers read one text differently (RFC 8259 §4, §6, §8.2): no duplicate
 * names, no lone surrogates, no number that a double changes. `JSON.parse` makes the value; a linear scan of the then
 * known-valid text refuses the rest. A name that stands there twice shows by count: the value has it once.
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
  if (checkText(text) !== membersOf(value)) throw malformed('JSON object has a member twice');
  return value;
}

/**
 * UTF-8 without a byte order mark (RFC 8259 §8.1).
 *
 * @throws CountersignError malformed
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw malformed('text is not UTF-8');
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
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

/** Names in all objects of the value. No deeper than the text, which was checked. */
function membersOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  const parts: readonly Json[] = Array.isArray(value) ? value : Object.values(value);
  let members = Array.isArray(value) ? 0 : parts.length;
  for (const part of parts) members += membersOf(part);
  return members;
}

interface Scan {
  readonly text: string;
  /** False for most texts: then a string ends at the next quotation mark, and holds nothing to check. */
  readonly hasEscapes: boolean;
  /** The open containers, innermost last: true for objects. */
  readonly open: boolean[];
  members: number;
  /** The next string is a member's name. */
  nameFollows: boolean;
}

/** Names in all objects of the text, one that stands there twice included. */
function checkText(text: string): number {
  // Raw ones; escaped ones are looked for in each string.
  if (!text.isWellFormed()) throw malformed('JSON string holds a lone surrogate');
  const scan: Scan = { text, hasEscapes: text.includes('\\'), open: [], members: 0, nameFollows: false };
  for (let start = 0; start < text.length; ) start = checkToken(scan, start);
  return scan.members;
}

/** Checks what begins here and gives its end. The text is valid JSON: all else carries nothing to check. */
function checkToken(scan: Scan, start: number): number {
  const character = scan.text.charAt(start);
  switch (character) {
    case '"':
      return checkString(scan, start);
    case ',':
      scan.nameFollows = scan.open.at(-1) === true;
      return start + 1;
    case '{':
      enter(scan, true);
      return start + 1;
    case '[':
      enter(scan, false);
      return start + 1;
    case '}':
    case ']':
      scan.open.pop();
      return start + 1;
    default:
      return isNumberStart(character) ? checkNumber(scan.text, start) : start + 1;
  }
}

function enter(scan: Scan, isObject: boolean): void {
  if (scan.open.push(isObject) > DEPTH_MAX) throw malformed('JSON nests too deep');
  scan.nameFollows = isObject;
}

function checkString(scan: Scan, start: number): number {
  if (scan.nameFollows) countName(scan);
  if (!scan.hasEscapes) return scan.text.indexOf('"', start + 1) + 1;
  const end = endOfString(scan.text, start);
  const string = scan.text.slice(start, end);
  if (string.includes('\\') && !contentOf(string).isWellFormed())
    throw malformed('JSON string holds a lone surrogate');
  return end;
}

function countName(scan: Scan): void {
  scan.nameFollows = false;
  scan.members += 1;
  if (scan.members > MEMBERS_MAX) throw malformed('JSON has too many members');
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text.charAt(index) !== '"') index += text.charAt(index) === '\\' ? 2 : 1;
  return index + 1;
}

/** `string`: valid JSON. */
function contentOf(string: string): string {
  return JSON.parse(string);
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
