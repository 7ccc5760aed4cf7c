/** Sees that another connection committed: SQLite has no notices, but a number that changes with the file. */
import { SECOND_MS } from '../../core/time.ts';
import type { Outcome } from '../driver.ts';
import { integer } from '../row.ts';

/** Under a second, with what follows from it: the time in which a change must be known everywhere. */
const LOOK_EVERY_MS = SECOND_MS / 2;

/** sqlite.org/pragma.html#pragma_data_version */
const DATA_VERSION = 'PRAGMA data_version';

export class ChangeWatch {
  readonly #query: (sql: string) => Promise<Outcome>;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  #version: number | null = null;
  #isLooking = false;

  constructor(query: (sql: string) => Promise<Outcome>) {
    this.#query = query;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const version = await this.#query(DATA_VERSION).then(
      ({ rows }) => (rows[0] === undefined ? null : integer(rows[0], 'data_version')),
      () => null,
    );
    this.#isLooking = false;
    if (version === this.#version) return;
    this.#version = version;
    for (const listener of this.#listeners) listener();
  }
}
