/** Makes JSON text safe to look at: what JSON leaves as it is, terminals may obey. */

/**
 * DEL and C1 controls, of which some begin an escape sequence (ECMA-48 §5.4); line ends and turns of the direction
 * (Unicode TR 36 §2.8), by which a line shows something else than it says. JSON names such characters only in texts.
 */
const OBEYED = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const HEXADECIMAL = 16;
const ESCAPE_DIGITS = 4;

/** The same JSON, with those characters as `\uXXXX`. */
export function visibleJson(json: string): string {
  return json.replace(
    OBEYED,
    (character) => `\\u${character.charCodeAt(0).toString(HEXADECIMAL).padStart(ESCAPE_DIGITS, '0')}`,
  );
}
