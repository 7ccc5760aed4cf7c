/**
 * Configuration objects as the database holds them: each sealed as a whole, for its row. Headers of webhooks, lambdas,
 * URLs and free-form data may hold secrets, and only their authors know where.
 */
import type { CatalogKind, CatalogObjects } from '../tokens/catalog.ts';
import type { Sealer } from '../tokens/ports.ts';
import type { Row } from './driver.ts';
import { text } from './row.ts';

/** So begins the JSON of an object, and no sealed text: versions before this one wrote it in the clear. */
const CLEAR = '{';
/** No two sealed texts begin alike: version, nonce and tag (tokens/sealing.ts). */
const BEGINNING_CHARS = 41;

interface Opened {
  /** Of the sealed text. */
  readonly beginning: string;
  readonly object: unknown;
}

export class CatalogBodies {
  readonly #sealer: Pick<Sealer, 'seal' | 'open'>;
  /** By row. What has not changed since the last load is not opened again. */
  readonly #opened = new Map<string, Opened>();

  constructor(sealer: Pick<Sealer, 'seal' | 'open'>) {
    this.#sealer = sealer;
  }

  /** What is stored of the object. */
  seal<Kind extends CatalogKind>(kind: Kind, object: CatalogObjects[Kind]): string {
    return this.#sealer.seal(JSON.stringify(object), contextOf(kind, object.id));
  }

  /** A row with kind, id and body in the clear, sealed. */
  sealRow(row: Row): string {
    return this.#sealer.seal(text(row, 'body'), contextOf(text(row, 'kind'), text(row, 'id')));
  }

  /**
   * The object of a row; of one that has not changed, the same as before.
   *
   * @throws Error where it was altered, moved, or sealed under another master key
   */
  open<Kind extends CatalogKind>(kind: Kind, row: Row): CatalogObjects[Kind] {
    const [id, body] = [text(row, 'id'), text(row, 'body')];
    if (body.startsWith(CLEAR)) return JSON.parse(body);
    const context = contextOf(kind, id);
    const known = this.#opened.get(context);
    const beginning = body.slice(0, BEGINNING_CHARS);
    if (known?.beginning === beginning) return known.object as CatalogObjects[Kind];
    const object: CatalogObjects[Kind] = JSON.parse(this.#sealer.open(body, context));
    // A copy: a part of a string keeps the whole of it in memory.
    this.#opened.set(context, { beginning: Buffer.from(beginning).toString(), object });
    return object;
  }

  /** Forgets what is in none of these rows: all there are. */
  keep(rows: readonly Row[]): void {
    if (this.#opened.size <= rows.length) return;
    const present = new Set(rows.map((row) => contextOf(text(row, 'kind'), text(row, 'id'))));
    for (const context of this.#opened.keys()) if (!present.has(context)) this.#opened.delete(context);
  }
}

/** Binds a body to its row. */
function contextOf(kind: string, id: string): string {
  return `catalog ${kind} ${id}`;
}
