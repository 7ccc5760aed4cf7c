/** Reads lines up to an empty one: the head of a message, or its trailers. However the bytes are cut, the result is one. */
import { isFieldName, isFieldValue } from '../core/headers.ts';
import { MessageError, SectionTooLargeError } from './errors.ts';

/** What a section begins with, and how long it may be. */
export interface SectionRules {
  readonly hasStartLine: boolean;
  /** Empty lines that are passed over before the start line (RFC 9112 §2.2). */
  readonly emptyLinesMax: number;
  /** With the start line. */
  readonly bytesMax: number;
  /** Without the start line. */
  readonly linesMax: number;
}

const CR = 13;
const SPACE = 32;
const TAB = 9;

export class FieldSection {
  /** Names and values in turn, as they stood on the wire, without the white space around values. */
  readonly fields: string[] = [];
  /** The first line, where it is not a field. Null: the section has none, or it has not come. */
  startLine: string | null = null;
  isComplete = false;
  readonly #rules: SectionRules;
  #needsStartLine: boolean;
  #emptyLines = 0;
  /** The line that is not complete yet. */
  #begun = '';
  #bytes = 0;

  constructor(rules: SectionRules) {
    this.#rules = rules;
    this.#needsStartLine = rules.hasStartLine;
  }

  /** What came of the first line while it is incomplete; null afterwards. */
  get begunStartLine(): string | null {
    return this.#needsStartLine ? this.#begun : null;
  }

  /**
   * Takes the next piece of text, one character a byte. Returns how much of it belongs to the section: all of it
   * while the section is incomplete.
   *
   * @throws MessageError
   */
  read(text: string): number {
    let from = 0;
    while (!this.isComplete) {
      const lineFeed = text.indexOf('\n', from);
      if (lineFeed === -1) break;
      this.#take(this.#begun + text.slice(from, lineFeed));
      this.#begun = '';
      from = lineFeed + 1;
    }
    if (!this.isComplete) {
      this.#begun += text.slice(from);
      from = text.length;
    }
    this.#bytes += from;
    if (this.#bytes > this.#rules.bytesMax)
      throw new SectionTooLargeError(`more than ${this.#rules.bytesMax} bytes of header`);
    return from;
  }

  /** `line` without its line feed. A line ends in CRLF, and in nothing else (RFC 9112 §2.2 lets us refuse the rest). */
  #take(line: string): void {
    const end = line.length - 1;
    if (line.charCodeAt(end) !== CR) throw new MessageError('a line that does not end in CRLF');
    if (this.#needsStartLine) {
      if (end === 0 && this.#emptyLines < this.#rules.emptyLinesMax) {
        this.#emptyLines += 1;
        return;
      }
      this.startLine = line.slice(0, end);
      this.#needsStartLine = false;
    } else if (end === 0) this.isComplete = true;
    else this.#takeField(line, end);
  }

  /** RFC 9112 §5: no white space before the colon, no line that continues another (obs-fold), no control character. */
  #takeField(line: string, end: number): void {
    if (this.fields.length >= 2 * this.#rules.linesMax)
      throw new SectionTooLargeError(`more than ${this.#rules.linesMax} header lines`);
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimmed(line, colon + 1, end);
    if (!PLAIN_LINE.test(line)) requireField(name, value);
    this.fields.push(name, value);
  }
}

/** What most lines look like: one look at the whole of it in place of one at each part. */
const PLAIN_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e]*\r$/;

function requireField(name: string, value: string): void {
  if (!isFieldName(name)) throw new MessageError('a header line without a valid name');
  if (!isFieldValue(value)) throw new MessageError(`an invalid character in ${name}`);
}

/** Without space and tab at both ends: String.trim() takes away more than RFC 9110 §5.5 allows. */
function trimmed(line: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(line.charCodeAt(from))) from += 1;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to -= 1;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
