/** Configuration objects as JSON by kind and id, their unique names, and the revision that every change raises. */
import type { Catalog, CatalogKind, CatalogObjects } from '../../tokens/catalog.ts';
import { type CatalogTable, DuplicateError, type UniqueName } from '../../tokens/store.ts';
import type { Queries, Row } from '../driver.ts';
import { body, integer, text } from '../row.ts';

/** First of every change: its lock puts changes in one order, so that two of them never wait for each other. */
async function raiseRevision(queries: Queries): Promise<void> {
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

function objectsOf<Kind extends CatalogKind>(
  rows: readonly Row[],
  kind: Kind,
): ReadonlyMap<string, CatalogObjects[Kind]> {
  const own = rows.filter((row) => row['kind'] === kind);
  return new Map(own.map((row) => [text(row, 'id'), body<CatalogObjects[Kind]>(row)]));
}

async function revision(queries: Queries): Promise<number> {
  const { rows } = await queries.query('SELECT revision FROM catalog_revision WHERE id = 1');
  return rows[0] === undefined ? 0 : integer(rows[0], 'revision');
}

/** The revision is read first: objects newer than it are loaded again, never missed. */
async function load(queries: Queries): Promise<Catalog> {
  const before = await revision(queries);
  const { rows } = await queries.query('SELECT kind, id, body FROM catalog_objects');
  return {
    revision: before,
    tenants: objectsOf(rows, 'tenants'),
    applications: objectsOf(rows, 'applications'),
    keys: objectsOf(rows, 'keys'),
    identityProviders: objectsOf(rows, 'identityProviders'),
    lambdas: objectsOf(rows, 'lambdas'),
    apiKeys: objectsOf(rows, 'apiKeys'),
    webhooks: objectsOf(rows, 'webhooks'),
  };
}

export function catalogTable(queries: Queries): CatalogTable {
  return {
    load: () => load(queries),
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
            JSON.stringify(object),
          ]),
        );
        await insertNames(inside, kind, object.id, names);
      }),

    update: (kind, object, names, seen) =>
      queries.transaction(async (inside) => {
        await raiseRevision(inside);
        // What was read as JSON is written as the same text again.
        const asSeen = seen === undefined ? [] : [JSON.stringify(seen)];
        const { count } = await inside.query(
          `UPDATE catalog_objects SET body = $3 WHERE kind = $1 AND id = $2 ${seen === undefined ? '' : 'AND body = $4'}`,
          [kind, object.id, JSON.stringify(object), ...asSeen],
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
