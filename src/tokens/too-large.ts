/** What a store throws for a value that none of its columns or indexes can hold. */

/** Nothing was written. Answered with 400: schemas should have refused the value, and this is the net below them. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}
