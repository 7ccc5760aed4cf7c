/** Reads lines up to an empty one: the head of an answer, or its trailers. However the bytes are cut, the result is one. */
import { isFieldName, isFieldValue } from '../../core/headers.ts';
import { AnswerError } from './errors.ts';

/** Section in bytes: twice what a client may send by default, since upstreams set long cookies. */
const SECTION_BYTES_MAX = 32 * 1024;
/** Lines of a section: twice what a client may send by default. */
const SECTION_LINES_MAX = 200;

const CR = 13;
const SPACE = 32;
const TAB = 9;

export class FieldSection {
  /** Names and values in turn, as they stood on the wire, without the white space around values. */
  readonly fields: string[] = [];
  /** The first line, where it is not a field. Null: the section has none, or it has not come. */
  startLine: string | null = null;
  isComplete = false;
  #needsStartLine: boolean;
  /** The line that is not complete yet. */
  #begun = '';
  #bytes = 0;

  constructor(needsStartLine: boolean) {
    this.#needsStartLine = needsStartLine;
  }

  /** What came of the first line while it is incomplete; null afterwards. */
  get begunStartLine(): string | null {
    return this.#needsStartLine ? this.#begun : null;
  }

  /**
   * Takes the next piece of text, one character a byte. Returns how much of it belongs to the section: all of it
   * while the section is incomplete.
   *
   * @throws AnswerError
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
    if (this.#bytes > SECTION_BYTES_MAX)
      throw new AnswerError(`more than ${SECTION_BYTES_MAX} bytes of header`);
    return from;
  }

  /** `line` without its line feed. A line ends in CRLF, and in nothing else (RFC 9112 §2.2 lets us refuse the rest). */
  #take(line: string): void {
    const end = line.length - 1;
    if (line.charCodeAt(end) !== CR) throw new AnswerError('a line that does not end in CRLF');
    if (this.#needsStartLine) {
      this.startLine = line.slice(0, end);
      this.#needsStartLine = false;
    } else if (end === 0) this.isComplete = true;
    else this.#takeField(line, end);
  }

  /** RFC 9112 §5: no white space before the colon, no line that continues another (obs-fold), no control character. */
  #takeField(line: string, end: number): void {
    if (this.fields.length >= 2 * SECTION_LINES_MAX)
      throw new AnswerError(`more than ${SECTION_LINES_MAX} header lines`);
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimmed(line, colon + 1, end);
    if (!isFieldName(name)) throw new AnswerError('a header line without a valid name');
    if (!isFieldValue(value)) throw new AnswerError(`an invalid character in ${name}`);
    this.fields.push(name, value);
  }
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
