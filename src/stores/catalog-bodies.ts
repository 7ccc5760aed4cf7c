/**
 * Configuration objects as the database holds them: each sealed as a whole, for its row. Headers of webhooks, lambdas,
 * URLs and free-form data may hold secrets, and only their authors know where.
 */
import type { CatalogKind, CatalogObjects } from '../tokens/catalog.ts';
import { keyContext } from '../tokens/objects/keys.ts';
import type { Sealer } from '../tokens/ports.ts';
import { catalogContext } from '../tokens/sealed-values.ts';
import type { Row } from './driver.ts';
import { body, text } from './row.ts';

/** So begins the JSON of an object, and no sealed text. */
const CLEAR = '{';

interface Opened {
  readonly sealed: string;
  readonly object: unknown;
}

/** Whether the body of a row is JSON, as versions before sealing wrote it. */
export function isClear(row: Row): boolean {
  return text(row, 'body').startsWith(CLEAR);
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
   * Versions that wrote objects in the clear sealed private keys by themselves: these tell a wrong master key before
   * anything is sealed under it. One that opens will do: others may be of a previous master key that is gone.
   *
   * @throws Error where rows in the clear hold private keys, and none of them opens
   */
  requireMasterKeyOf(clearRows: readonly Row[]): void {
    const keys = clearRows
      .filter((row) => text(row, 'kind') === 'keys')
      .map((row) => body<CatalogObjects['keys']>(row))
      .filter(({ sealedPrivateKey }) => sealedPrivateKey !== null);
    if (keys.length > 0 && !keys.some((key) => this.#opens(key)))
      throw new Error('No private key in the database opens: they were sealed under another master key');
  }

  /**
   * The object of a row; of one that has not changed, the same as before.
   *
   * @throws Error where it was altered, moved, sealed under another master key, or put there in the clear
   */
  open<Kind extends CatalogKind>(kind: Kind, row: Row): CatalogObjects[Kind] {
    if (isClear(row))
      throw new Error(
        `One of the ${kind} stands in a sealed database in the clear: this service did not put it there`,
      );
    const [context, sealed] = [contextOf(kind, text(row, 'id')), text(row, 'body')];
    const known = this.#opened.get(context);
    if (known?.sealed === sealed) return known.object as CatalogObjects[Kind];
    const object: CatalogObjects[Kind] = JSON.parse(this.#sealer.open(sealed, context));
    this.#opened.set(context, { sealed, object });
    return object;
  }

  /** Forgets what is in none of these rows: all there are. */
  keep(rows: readonly Row[]): void {
    if (this.#opened.size <= rows.length) return;
    const present = new Set(rows.map((row) => contextOf(text(row, 'kind'), text(row, 'id'))));
    for (const context of this.#opened.keys()) if (!present.has(context)) this.#opened.delete(context);
  }

  #opens({ id, sealedPrivateKey }: CatalogObjects['keys']): boolean {
    try {
      this.#sealer.open(sealedPrivateKey ?? '', keyContext(id));
      return true;
    } catch {
      return false;
    }
  }
}

/** Binds a body to its row. */
function contextOf(kind: string, id: string): string {
  return catalogContext(`${kind} ${id}`);
}
