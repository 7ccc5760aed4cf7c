/** The length of a body as a field says it. */

/** Canonical decimal: signs, leading zeros and lists are what parsers read differently (RFC 9110 §8.6). */
const CONTENT_LENGTH = /^(?:0|[1-9]\d{0,15})$/;

/** In bytes; null: the text is no canonical number, or one that a double does not hold. */
export function contentLength(text: string): number | null {
  const bytes = CONTENT_LENGTH.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : null;
}
