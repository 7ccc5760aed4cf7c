/** Text that no database keeps (NUL, halves of surrogate pairs), made storable without making two texts one. */
import type { Value } from './driver.ts';

/** Before texts that are written as JSON; a private-use character, so that hardly any other text needs it. */
const ESCAPED = '\u{E000}';

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0') && !text.startsWith(ESCAPED);
}

/** What is given to the database for a value. Its inverse is `fromStored`. */
export function toStored(value: Value): Value {
  return typeof value !== 'string' || isStorable(value) ? value : ESCAPED + JSON.stringify(value);
}

export function fromStored(value: Value): Value {
  return isEscaped(value) ? JSON.parse(value.slice(ESCAPED.length)) : value;
}

/** Whether it is not what it stands for. */
export function isEscaped(value: Value): value is string {
  return typeof value === 'string' && value.startsWith(ESCAPED);
}
