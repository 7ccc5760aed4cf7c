/** Portable SQL in SQLite's spelling. */
import { ROW_NUMBER } from '../driver.ts';

const translated = new Map<string, string>();

function translate(sql: string): string {
  return sql
    .replace(/\$(\d+)/g, '?$1')
    .replace(/\s+FOR UPDATE(?: SKIP LOCKED)?/g, '')
    .replaceAll(ROW_NUMBER, 'INTEGER PRIMARY KEY AUTOINCREMENT');
}

/** Statements are few and fixed: each is translated once. */
export function toSqlite(sql: string): string {
  const known = translated.get(sql);
  if (known !== undefined) return known;
  const own = translate(sql);
  translated.set(sql, own);
  return own;
}
