/** Writes the head of an answer as the bytes that leave, and refuses what would not be read as one answer. */
import { STATUS_CODES } from 'node:http';
import { type HeaderList, isFieldName, isFieldValue } from '../../core/headers.ts';
import { contentLength } from '../../http1/content-length.ts';

export interface AnswerFields {
  readonly status: number;
  /** Field lines, each with its line end. */
  readonly text: string;
  /** Value of Content-Length in bytes; null: there is none. */
  readonly length: number | null;
  readonly hasDate: boolean;
}

/** What only the connection may say about itself and its framing. Headers were filtered before: one here is a defect. */
const RESERVED: ReadonlySet<string> = new Set(['connection', 'transfer-encoding', 'keep-alive', 'upgrade']);
const CONTENT_LENGTH = 'content-length';
const DATE = 'date';
/** Names are told apart by their length before they are folded: most are none of these. */
const LENGTHS: ReadonlySet<number> = new Set([...RESERVED, CONTENT_LENGTH, DATE].map(({ length }) => length));

interface Noted {
  length: number | null;
  hasDate: boolean;
}

/** @throws TypeError for a status, name or value that HTTP does not allow */
export function answerFields(status: number, headers: HeaderList): AnswerFields {
  if (!(status >= 200 && status <= 999)) throw new TypeError(`${status} is no status of an answer`);
  let text = '';
  const noted: Noted = { length: null, hasDate: false };
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (!isFieldName(name) || !isFieldValue(value)) throw new TypeError(`${name} is no header field`);
    if (LENGTHS.has(name.length)) note(name, value, noted);
    text += `${name}: ${value}\r\n`;
  }
  return { status, text, length: noted.length, hasDate: noted.hasDate };
}

function note(name: string, value: string, noted: Noted): void {
  const lowerName = name.toLowerCase();
  if (RESERVED.has(lowerName)) throw new TypeError(`${name} is not for handlers to set`);
  if (lowerName === CONTENT_LENGTH) noted.length = lengthOf(value, noted.length);
  if (lowerName === DATE) noted.hasDate = true;
}

function lengthOf(value: string, before: number | null): number {
  const length = contentLength(value);
  if (length === null || before !== null) throw new TypeError('Content-Length is not one number');
  return length;
}

const STATUS_LINES = new Map<number, string>();

/** With its line end. One for each status that HTTP has: at most 800 are remembered. */
export function statusLine(status: number): string {
  let line = STATUS_LINES.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    STATUS_LINES.set(status, line);
  }
  return line;
}

/** RFC 9110 §15.3.5, §15.4.5, §9.3.2: what has no body, whatever its fields say. */
export function isBodyless(status: number, method: string): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
