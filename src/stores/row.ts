/** Reads columns of rows as the types that the tables' declarations promise. */
import type { Row } from './driver.ts';

/** @throws TypeError where the column is no text: the schema and the code disagree */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`${column} is no text`);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** @throws TypeError where the column is no whole number */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`${column} is no number`);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** JSON that a table of this room wrote: of the type that it was given. */
export function body<T>(row: Row, column = 'body'): T {
  return JSON.parse(text(row, column));
}
