/** Portable SQL in PostgreSQL's spelling, and a name for each statement, so that a connection parses it once. */
import { createHash } from 'node:crypto';
import { ROW_NUMBER } from '../driver.ts';

interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Under PostgreSQL's 63 characters; 128 bits name one statement only. */
const NAME_CHARS = 22;

const known = new Map<string, Statement>();

/** Statements are few and fixed: each is translated once. */
export function toPostgres(sql: string): Statement {
  const before = known.get(sql);
  if (before !== undefined) return before;
  const text = sql.replaceAll(ROW_NUMBER, 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY');
  const digest = createHash('sha256').update(text).digest('base64url');
  const statement = { name: `cs_${digest.slice(0, NAME_CHARS)}`, text };
  known.set(sql, statement);
  return statement;
}
