/** What a text must not hold before a recursive parser reads it. Looks at characters and lexemes only. */
import { CST, Lexer } from 'yaml';

/** A configuration of a thousand routes has about 300 KiB. */
const FILE_CHARACTERS_MAX = 1024 * 1024;
/** The deepest key of the schema has nine levels. Parsers recurse: more is an attack on the stack (CWE-674). */
export const DEPTH_MAX = 32;

/** Where and why the text must not be parsed; null where it may. `offset` in UTF-16 code units. */
export function refuseBeforeParsing(text: string): { offset: number; message: string } | null {
  if (text.length > FILE_CHARACTERS_MAX)
    return { offset: 0, message: `the file is longer than ${FILE_CHARACTERS_MAX} characters` };
  if (text.startsWith('\ufeff'))
    return { offset: 0, message: 'the file begins with a byte order mark; save it as plain UTF-8' };
  const control = text.search(/[^\t\n\r\x20-\x7e\u00a0-\uffff]/);
  if (control !== -1) return { offset: control, message: 'the file holds a control character' };
  const deep = offsetOfDepth(text, DEPTH_MAX);
  return deep === null ? null : { offset: deep, message: `more than ${DEPTH_MAX} levels of nesting` };
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

/** Where nesting goes beyond `depthMax`; null where it does not. One pass, no recursion. */
function offsetOfDepth(text: string, depthMax: number): number | null {
  const indents: number[] = [];
  let offset = 0;
  let flowDepth = 0;
  let lineDepth = 0;
  let column: number | null = 0; // null: behind the first lexeme of the line
  for (const { type, length } of lexemes(text)) {
    flowDepth += FLOW_LEVELS.get(type) ?? 0;
    if (LINE_LEVELS.has(type)) lineDepth += 1;
    if (type === 'newline') {
      lineDepth = 0;
      column = 0;
    } else if (column !== null && type === 'space') column += length;
    else if (column !== null && length > 0) {
      indent(indents, column);
      column = null;
    }
    if (indents.length + flowDepth + lineDepth > depthMax) return offset;
    offset += length;
  }
  return null;
}

/** `indents`: the columns at which the blocks begin that the line stands in. */
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
