/** What a text must not hold before a recursive parser reads it. Looks at characters and lexemes only. */
import { CST, Lexer } from 'yaml';

/** A configuration of a thousand routes has about 300 KiB. */
const FILE_CHARACTERS_MAX = 1024 * 1024;
/** Some errors cost the parser the square of what follows them. A thousand routes have 100 000 words and signs. */
const LEXEMES_MAX = 200_000;
/** The deepest key of the schema has nine levels. Parsers recurse: more is an attack on the stack (CWE-674). */
export const DEPTH_MAX = 32;

export interface Refusal {
  /** In UTF-16 code units. */
  readonly offset: number;
  readonly message: string;
}

/** Where and why the text must not be parsed; null where it may. */
export function refuseBeforeParsing(text: string): Refusal | null {
  if (text.length > FILE_CHARACTERS_MAX)
    return { offset: 0, message: `the file is longer than ${FILE_CHARACTERS_MAX} characters` };
  if (text.startsWith('\ufeff'))
    return { offset: 0, message: 'the file begins with a byte order mark; save it as plain UTF-8' };
  const control = text.search(/[^\t\n\r\x20-\x7e\u00a0-\uffff]/);
  if (control !== -1) return { offset: control, message: 'the file holds a control character' };
  return findExcess(text);
}

/** Lexemes that open or close a level without indentation. */
const FLOW_LEVELS: ReadonlyMap<string, number> = new Map([
  ['flow-map-start', 1],
  ['flow-seq-start', 1],
  ['flow-map-end', -1],
  ['flow-seq-end', -1],
]);
/** `- - - x` and `? ? ? x` nest on one line. */
const LINE_LEVELS: ReadonlySet<string> = new Set(['seq-item-ind', 'explicit-key-ind']);
/** What the lexer puts between the lexemes; it has no place in the text. */
const NOT_IN_TEXT: ReadonlySet<string> = new Set(['doc-mode', 'flow-error-end', 'scalar']);

/** Where nesting or length goes beyond its limit; null where neither does. One pass, no recursion. */
function findExcess(text: string): Refusal | null {
  const level: Level = { indents: [], flow: 0, line: 0, column: 0 };
  let offset = 0;
  let count = 0;
  for (const { type, length } of lexemes(text)) {
    step(level, type, length);
    count += 1;
    if (level.indents.length + level.flow + level.line > DEPTH_MAX)
      return { offset, message: `more than ${DEPTH_MAX} levels of nesting` };
    if (count > LEXEMES_MAX) return { offset, message: `more than ${LEXEMES_MAX} words and signs` };
    offset += length;
  }
  return null;
}

interface Level {
  /** The columns at which the blocks begin that the line stands in. */
  readonly indents: number[];
  flow: number;
  line: number;
  /** Null behind the first lexeme of the line. */
  column: number | null;
}

function step(level: Level, type: string, length: number): void {
  level.flow = Math.max(0, level.flow + (FLOW_LEVELS.get(type) ?? 0)); // stray ends must not hide later starts
  if (LINE_LEVELS.has(type)) level.line += 1;
  if (type === 'newline') {
    level.line = 0;
    level.column = 0;
  } else if (level.column !== null && type === 'space') level.column += length;
  else if (level.column !== null && length > 0) {
    indent(level.indents, level.column);
    level.column = null;
  }
}

function indent(indents: number[], column: number): void {
  while ((indents.at(-1) ?? -1) >= column) indents.pop();
  indents.push(column);
}

function* lexemes(text: string): Generator<{ type: string; length: number }> {
  let isScalarText = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type: string = isScalarText ? 'text' : (CST.tokenType(lexeme) ?? 'text');
    isScalarText = type === 'scalar';
    yield { type, length: NOT_IN_TEXT.has(type) ? 0 : lexeme.length };
  }
}
