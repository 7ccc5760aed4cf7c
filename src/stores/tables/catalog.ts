/** Configuration objects as sealed JSON by kind and id, their unique names, and the revision that every change raises. */
import type { Catalog, CatalogKind, CatalogObjects } from '../../tokens/catalog.ts';
import { type CatalogTable, DuplicateError, type UniqueName } from '../../tokens/store.ts';
import { type CatalogBodies, isClear } from '../catalog-bodies.ts';
import type { Queries, Row } from '../driver.ts';
import { integer, text } from '../row.ts';

/** First of every change: its lock puts changes in one order, so that two of them never wait for each other. */
export async function raiseRevision(queries: Queries): Promise<void> {
  await queries.query('UPDATE catalog_revision SET revision = revision + 1 WHERE id = 1');
  await queries.notify();
}

/** Unique indexes do not know the names that objects go by in the API. */
async function orDuplicate(what: string, change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    throw error instanceof DuplicateError ? new DuplicateError(what) : error;
  }
}

async function insertNames(
  queries: Queries,
  kind: CatalogKind,
  id: string,
  names: readonly UniqueName[],
): Promise<void> {
  for (const { what, value } of names)
    await orDuplicate(
      what,
      queries.query('INSERT INTO catalog_names (what, value, kind, object_id) VALUES ($1, $2, $3, $4)', [
        what,
        value,
        kind,
        id,
      ]),
    );
}

async function revision(queries: Queries): Promise<number> {
  const { rows } = await queries.query('SELECT revision FROM catalog_revision WHERE id = 1');
  return rows[0] === undefined ? 0 : integer(rows[0], 'revision');
}

/** The revision is read first: objects newer than it are loaded again, never missed. */
async function load(queries: Queries, bodies: CatalogBodies): Promise<Catalog> {
  const before = await revision(queries);
  const { rows } = await queries.query('SELECT kind, id, body FROM catalog_objects');
  bodies.keep(rows);
  const byKind = Map.groupBy(rows, (row) => text(row, 'kind'));
  const objectsOf = <Kind extends CatalogKind>(kind: Kind): ReadonlyMap<string, CatalogObjects[Kind]> =>
    new Map((byKind.get(kind) ?? []).map((row) => [text(row, 'id'), bodies.open(kind, row)]));
  return {
    revision: before,
    tenants: objectsOf('tenants'),
    applications: objectsOf('applications'),
    keys: objectsOf('keys'),
    identityProviders: objectsOf('identityProviders'),
    lambdas: objectsOf('lambdas'),
    apiKeys: objectsOf('apiKeys'),
    webhooks: objectsOf('webhooks'),
  };
}

/** Null: there is none. */
async function presentJson<Kind extends CatalogKind>(
  queries: Queries,
  bodies: CatalogBodies,
  kind: Kind,
  id: string,
): Promise<string | null> {
  const sql = 'SELECT kind, id, body FROM catalog_objects WHERE kind = $1 AND id = $2';
  const [row] = (await queries.query(sql, [kind, id])).rows;
  return row === undefined ? null : JSON.stringify(bodies.open(kind, row));
}

/** The first start on a database is the only one that takes objects in the clear. Its lock is that of every change. */
const BEGIN_SEALING = 'UPDATE catalog_revision SET is_sealed = 1 WHERE id = 1 AND is_sealed = 0';
const SEAL_ROW = 'UPDATE catalog_objects SET body = $3 WHERE kind = $1 AND id = $2 AND body = $4';

async function sealRow(queries: Queries, bodies: CatalogBodies, row: Row): Promise<void> {
  const values = [text(row, 'kind'), text(row, 'id'), bodies.sealRow(row), text(row, 'body')];
  const { count } = await queries.query(SEAL_ROW, values);
  if (count === 0) throw new Error('A configuration object changed while it was sealed: start again');
}

/**
 * Seals what versions before sealing wrote in the clear: once a database, all of it at once, within a transaction of its
 * own. From then on nothing in the clear is taken (`CatalogBodies.open`).
 *
 * @throws Error, and nothing is sealed, where the master key is not that of the database, or where some objects are
 *   sealed already: those in the clear were put beside them
 */
export async function sealObjects(queries: Queries, bodies: CatalogBodies): Promise<void> {
  if ((await queries.query(BEGIN_SEALING)).count === 0) return;
  const { rows } = await queries.query('SELECT kind, id, body FROM catalog_objects');
  const clear = rows.filter(isClear);
  if (clear.length === 0) return;
  if (clear.length < rows.length)
    throw new Error(
      'Some configuration objects are sealed, others stand in the clear: this service did not put them there',
    );
  bodies.requireMasterKeyOf(clear);
  await raiseRevision(queries);
  // What SQLite writes over stays in the file otherwise; what is written later is sealed, or of other tables.
  if (queries.dialect === 'sqlite') await queries.query('PRAGMA secure_delete = ON');
  for (const row of clear) await sealRow(queries, bodies, row);
  if (queries.dialect === 'sqlite') await queries.query('PRAGMA secure_delete = OFF');
}

export function catalogTable(queries: Queries, bodies: CatalogBodies): CatalogTable {
  return {
    load: () => load(queries, bodies),
    revision: () => revision(queries),
    async lock() {
      await queries.query('UPDATE catalog_revision SET revision = revision WHERE id = 1');
    },

    insert: (kind, object, names) =>
      queries.transaction(async (inside) => {
        await raiseRevision(inside);
        await orDuplicate(
          `${kind}.id`,
          inside.query('INSERT INTO catalog_objects (kind, id, body) VALUES ($1, $2, $3)', [
            kind,
            object.id,
            bodies.seal(kind, object),
          ]),
        );
        await insertNames(inside, kind, object.id, names);
      }),

    update: (kind, object, names, seen) =>
      queries.transaction(async (inside) => {
        await raiseRevision(inside);
        if (seen !== undefined) {
          const present = await presentJson(inside, bodies, kind, object.id);
          // What was read as JSON is written as the same text again.
          if (present !== JSON.stringify(seen)) return false;
        }
        const { count } = await inside.query(
          'UPDATE catalog_objects SET body = $3 WHERE kind = $1 AND id = $2',
          [kind, object.id, bodies.seal(kind, object)],
        );
        if (count === 0) return false;
        await inside.query('DELETE FROM catalog_names WHERE kind = $1 AND object_id = $2', [kind, object.id]);
        await insertNames(inside, kind, object.id, names);
        return true;
      }),

    delete: (kind, id) =>
      queries.transaction(async (inside) => {
        await raiseRevision(inside);
        const { count } = await inside.query('DELETE FROM catalog_objects WHERE kind = $1 AND id = $2', [
          kind,
          id,
        ]);
        return count > 0;
      }),
  };
}
