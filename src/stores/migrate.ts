/** Brings a database to the schema of this version, once, however many processes start together. */
import { createHash } from 'node:crypto';
import type { Logger } from '../core/log.ts';
import type { Clock } from '../core/time.ts';
import type { Queries } from './driver.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';
import { integer, text } from './row.ts';

/** The database was made by a newer version, or its history is not ours: it is left alone. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

const VERSIONS = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_instant BIGINT NOT NULL)`;

function checksum({ statements }: Migration): string {
  return createHash('sha256').update(statements.join(';\n')).digest('base64url');
}

function checkApplied(version: number, found: string, migrations: readonly Migration[]): void {
  const migration = migrations[version - 1];
  if (migration === undefined)
    throw new SchemaError(
      `The database has schema ${version}; this version knows ${migrations.length}. Start a newer one.`,
    );
  if (checksum(migration) !== found)
    throw new SchemaError(`Schema ${version} of the database is not the one this version knows`);
}

async function apply(queries: Queries, migration: Migration, version: number, nowMs: number): Promise<void> {
  for (const statement of migration.statements) await queries.query(statement, [], { isLong: true });
  await queries.query(
    'INSERT INTO schema_migrations (version, name, checksum, applied_instant) VALUES ($1, $2, $3, $4)',
    [version, migration.name, checksum(migration), nowMs],
  );
}

/** @throws SchemaError where the applied ones are not the first of ours */
async function countApplied(queries: Queries, migrations: readonly Migration[]): Promise<number> {
  const { rows } = await queries.query('SELECT version, checksum FROM schema_migrations ORDER BY version');
  for (const row of rows) checkApplied(integer(row, 'version'), text(row, 'checksum'), migrations);
  return rows.length;
}

/** For a look at a database that others use. @throws SchemaError where it has not the schema of this version */
export async function requireCurrent(queries: Queries): Promise<void> {
  const count = await countApplied(queries, MIGRATIONS);
  if (count < MIGRATIONS.length)
    throw new SchemaError(
      `The database has schema ${count}; this version has ${MIGRATIONS.length}. A start of the gateway changes it.`,
    );
}

/**
 * Runs in one transaction that holds the database's migration lock.
 *
 * @throws SchemaError
 */
export async function migrate(
  locked: Queries,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await locked.query(VERSIONS);
  const count = await countApplied(locked, migrations);
  for (const [index, migration] of migrations.entries()) {
    if (index < count) continue;
    await apply(locked, migration, index + 1, clock());
    log.info('store schema applied', { version: index + 1, migration: migration.name });
  }
}
