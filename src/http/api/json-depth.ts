/** How deep a JSON text nests, before anything is made of it. */

/** Levels of arrays and objects. What walks the value recurses: thousands of levels would exhaust its stack. */
export const JSON_DEPTH_MAX = 64;

const LEVELS: ReadonlyMap<string, number> = new Map([
  ['[', 1],
  ['{', 1],
  [']', -1],
  ['}', -1],
]);

/**
 * True beyond JSON_DEPTH_MAX. Brackets outside strings, in one pass; strings, which tokens are, are stepped over. Text
 * that is no JSON may be counted wrongly, and is refused either way.
 */
export function isTooDeep(text: string): boolean {
  const endOfString = text.includes('\\') ? endWithEscapes : endWithoutEscapes;
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '"') index = endOfString(text, index);
    else depth += LEVELS.get(character) ?? 0;
    if (depth > JSON_DEPTH_MAX) return true;
  }
  return false;
}

/** Of the string that begins there: where its closing quotation mark stands, or the end of the text. */
function endWithoutEscapes(text: string, start: number): number {
  const end = text.indexOf('"', start + 1);
  return end === -1 ? text.length : end;
}

function endWithEscapes(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charAt(index) !== '"') index += text.charAt(index) === '\\' ? 2 : 1;
  return index;
}
