/** Holds the catalog that every call reads: loaded at start, and again when the store says that it changed. */
import type { Logger } from '../core/log.ts';
import { type Clock, type Scheduler, SECOND_MS } from '../core/time.ts';
import type { Catalog } from './catalog.ts';
import { type Store, StoreUnavailableError } from './store.ts';
import { watchStore } from './store-watch.ts';

/** A change by another process is known within a second, also where its notice was lost. */
const POLL_EVERY_MS = SECOND_MS;

export interface CatalogFeedOptions {
  readonly store: Pick<Store, 'catalog' | 'onNotice'>;
  readonly clock: Clock;
  readonly schedule: Scheduler;
  readonly log: Logger;
}

/** Readiness reads it. */
export interface CatalogFeedStatus {
  /**
   * False: the last time the store could not be reached, or what it holds could not be read, and the catalog is the
   * last one that could be loaded.
   */
  readonly isCurrent: boolean;
  /** Milliseconds: when the catalog was last current. */
  readonly lastReachedInstant: number;
}

export interface CatalogFeed {
  /** The present snapshot. */
  catalog(): Catalog;
  /** Loads again. @throws StoreUnavailableError; the last snapshot stays */
  refresh(): Promise<void>;
  status(): CatalogFeedStatus;
  close(): void;
}

/** Why the catalog is not current, as it begins and ends: what mends a connection mends no master key. */
const TROUBLES = {
  unreachable: {
    began: 'the store cannot be reached: the last catalog stays in force',
    ended: 'the store is reached again',
  },
  unreadable: {
    began:
      'the catalog in the store does not open with this master key, or not with this version: the last one stays in force',
    ended: 'the catalog in the store can be read again',
  },
} as const;

type Trouble = keyof typeof TROUBLES;

class Feed implements CatalogFeed {
  readonly #options: CatalogFeedOptions;
  readonly #endWatch: () => void;
  #catalog: Catalog;
  #status: CatalogFeedStatus;
  /** The one that was told last; null while the catalog is current. */
  #trouble: Trouble | null = null;
  #isClosed = false;
  #loadsBegun = 0;
  #loadShown = 0;

  constructor(options: CatalogFeedOptions, catalog: Catalog) {
    this.#options = options;
    this.#catalog = catalog;
    this.#status = { isCurrent: true, lastReachedInstant: options.clock() };
    const { store, schedule } = options;
    this.#endWatch = watchStore({ store, schedule, everyMs: POLL_EVERY_MS, look: () => this.#look() });
  }

  catalog(): Catalog {
    return this.#catalog;
  }

  status(): CatalogFeedStatus {
    return this.#status;
  }

  async refresh(): Promise<void> {
    const load = ++this.#loadsBegun;
    const loaded = await this.#options.store.catalog.load();
    this.#reached();
    // Two loads may end in another order than they began. Revisions do not tell: a restored database goes back.
    if (load < this.#loadShown) return;
    this.#loadShown = load;
    this.#catalog = loaded;
  }

  close(): void {
    this.#isClosed = true;
    this.#endWatch();
  }

  async #look(): Promise<void> {
    try {
      const revision = await this.#options.store.catalog.revision();
      if (revision === this.#catalog.revision) this.#reached();
      else await this.refresh();
    } catch (error) {
      this.#failed(error);
    }
  }

  #reached(): void {
    if (this.#trouble !== null) this.#options.log.info(TROUBLES[this.#trouble].ended);
    this.#trouble = null;
    this.#status = { isCurrent: true, lastReachedInstant: this.#options.clock() };
  }

  #failed(error: unknown): void {
    const trouble = error instanceof StoreUnavailableError ? 'unreachable' : 'unreadable';
    if (this.#isClosed || this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.#status = { ...this.#status, isCurrent: false };
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error(TROUBLES[trouble].began, { reason });
  }
}

/**
 * Loads the catalog and keeps it current.
 *
 * @throws StoreUnavailableError where there is none to begin with
 */
export async function openCatalogFeed(options: CatalogFeedOptions): Promise<CatalogFeed> {
  return new Feed(options, await options.store.catalog.load());
}
