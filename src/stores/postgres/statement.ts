/** One statement on one connection: values in, rows out, in the spelling of PostgreSQL. */
import type pg from 'pg';
import { LONG_STATEMENT_MAX_MS } from '../../tokens/store.ts';
import type { Outcome, QueryOptions, Row, Value } from '../driver.ts';
import { fromStored, isEscaped, toStored } from '../value.ts';
import { toPostgres } from './sql.ts';

/** How much longer we wait by our own clock: a server that stands still ends no statement. */
export const ANSWER_GRACE_MS = 1000;

/** @throws Error of the driver */
export async function runStatement(
  client: pg.ClientBase,
  sql: string,
  values: readonly Value[],
  { isLong }: QueryOptions,
): Promise<Outcome> {
  if (isLong) await client.query(`SET LOCAL statement_timeout = ${LONG_STATEMENT_MAX_MS}`);
  const result = await client.query<Record<string, Value>>({
    ...toPostgres(sql),
    values: values.map(toStored),
    ...(isLong && { query_timeout: LONG_STATEMENT_MAX_MS + ANSWER_GRACE_MS }),
  });
  return { rows: result.rows.map(decoded), count: result.rowCount ?? 0 };
}

/** Hardly any row holds text that needs it. */
function decoded(row: Row): Row {
  if (!Object.values(row).some(isEscaped)) return row;
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, fromStored(value)]));
}
