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
  /** Names seen in each open container, innermost last; null for arrays. */
  readonly open: (Set<string> | null)[];
  members: number;
  /** The next string is a member's name. */
  nameFollows: boolean;
}

function checkText(text: string): void {
  const scan: Scan = { open: [], members: 0, nameFollows: false };
  for (const token of tokensOf(text)) {
    switch (token.charAt(0)) {
      case '{':
        enter(scan, new Set());
        break;
      case '[':
        enter(scan, null);
        break;
      case '}':
      case ']':
        scan.open.pop();
        break;
      case ',':
        scan.nameFollows = scan.open.at(-1) !== null;
        break;
      case '"':
        checkString(scan, token);
        break;
      default:
        checkNumber(token);
    }
  }
}

function enter(scan: Scan, names: Set<string> | null): void {
  if (scan.open.push(names) > DEPTH_MAX) throw malformed('JSON nests too deep');
  scan.nameFollows = names !== null;
}

/** Names are compared after unescaping: `"\u0073ub"` is `"sub"`. */
function checkString(scan: Scan, token: string): void {
  const content: string = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1);
  if (!content.isWellFormed()) throw malformed('JSON string holds a lone surrogate');
  if (!scan.nameFollows) return;
  scan.nameFollows = false;
  scan.members += 1;
  if (scan.members > MEMBERS_MAX) throw malformed('JSON has too many members');
  const names = scan.open.at(-1);
  if (names?.has(content)) throw malformed('JSON object has a member twice');
  names?.add(content);
}

const NUMBER = /-?[0-9.eE+-]+/y;

/** Braces, brackets, commas, strings and numbers of valid JSON; all else carries nothing to check. */
function* tokensOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const character = text.charAt(start);
    const end = endOfToken(text, start, character);
    if (end > start + 1 || '{}[],0123456789'.includes(character)) yield text.slice(start, end);
    start = end;
  }
}

function endOfToken(text: string, start: number, character: string): number {
  if (character === '"') return endOfString(text, start);
  if (character !== '-' && (character < '0' || character > '9')) return start + 1;
  NUMBER.lastIndex = start;
  NUMBER.test(text);
  return NUMBER.lastIndex;
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charAt(index) !== '"') index += text.charAt(index) === '\\' ? 2 : 1;
  return index + 1;
}

function checkNumber(token: string): void {
  const value = Number(token);
  if (!Number.isFinite(value)) throw malformed('JSON number overflows');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw malformed('JSON integer is beyond 2^53−1');
}

function malformed(message: string): CountersignError {
  return new CountersignError('malformed', message);
}
