/** The statements of work that only writes, collected to be run later, together. */
import type { Outcome, Queries, Statement } from './driver.ts';

/** What a statement will have done, should the whole be done: it changed a row. */
const CHANGED: Outcome = { rows: [], count: 1 };

/** @throws TypeError for work that reads, or tells other processes: there is nothing to read yet */
export async function collectStatements(
  dialect: Queries['dialect'],
  work: (queries: Queries) => Promise<unknown>,
): Promise<readonly Statement[]> {
  const statements: Statement[] = [];
  const queries: Queries = {
    dialect,
    async query(sql, values = []) {
      if (sql.startsWith('SELECT')) throw new TypeError('Work that only writes reads');
      statements.push({ sql, values });
      return CHANGED;
    },
    async changeAll(several) {
      statements.push(...several);
      return true;
    },
    transaction: (inside) => inside(queries),
    async notify() {
      throw new TypeError('Work that only writes tells other processes');
    },
  };
  await work(queries);
  return statements;
}
