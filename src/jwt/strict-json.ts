/**
 * JSON without the freedoms that let two parsers read one text differently (RFC 8259 §4, §6, §8.2): no duplicate
 * names, no lone surrogates, no number that a double changes. `JSON.parse` makes the value, which is then looked through.
 * A name that stands there twice shows by count: the value has it once.
 */
import { isUtf8 } from 'node:buffer';
import { CountersignError } from '../core/errors.ts';
import { isJsonObject, type Json } from '../core/json.ts';

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
  const names = namesIn(text);
  if (names > MEMBERS_MAX) throw malformed('JSON has too many members');
  if (names !== checkedMembers(value, DEPTH_MAX)) throw malformed('JSON object has a member twice');
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

const QUOTATION_MARK = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Names in all objects of the text, which is valid JSON: a colon outside of strings follows each, and stands nowhere else. */
function namesIn(text: string): number {
  const hasEscapes = text.includes('\\');
  let names = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === COLON) names += 1;
    else if (code === QUOTATION_MARK) at = hasEscapes ? endOfString(text, at) : text.indexOf('"', at + 1);
  }
  return names;
}

/** Where its closing quotation mark stands. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== QUOTATION_MARK) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

/** Checks all that the value holds, and gives the number of names in all its objects. */
function checkedMembers(value: Json, depthLeft: number): number {
  if (typeof value === 'string') checkString(value);
  if (typeof value === 'number') checkNumber(value);
  if (typeof value !== 'object' || value === null) return 0;
  if (depthLeft === 0) throw malformed('JSON nests too deep');
  let members = 0;
  if (isJsonObject(value))
    for (const name of Object.keys(value)) {
      checkString(name);
      members += 1 + checkedMembers(value[name] ?? null, depthLeft - 1);
    }
  else for (const item of value) members += checkedMembers(item, depthLeft - 1);
  return members;
}

function checkString(text: string): void {
  if (!text.isWellFormed()) throw malformed('JSON string holds a lone surrogate');
}

function checkNumber(value: number): void {
  if (!Number.isFinite(value)) throw malformed('JSON number overflows');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw malformed('JSON integer is beyond 2^53−1');
}

function malformed(message: string): CountersignError {
  return new CountersignError('malformed', message);
}
