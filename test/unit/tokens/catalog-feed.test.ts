import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/tokens/catalog.ts';
import { openCatalogFeed } from '../../../src/tokens/catalog-feed.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { CATALOG_KINDS } from '../../support/catalog-kinds.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';

const SECOND_MS = 1000;

function catalogAt(revision: number): Catalog {
  const kinds = Object.fromEntries(CATALOG_KINDS.map((kind) => [kind, new Map()]));
  return { ...kinds, revision } as unknown as Catalog;
}

/** A store whose catalog the test owns. */
async function setUp() {
  const clock = fakeClock();
  const { schedule, passMs, pending } = fakeScheduler(clock);
  const logged: string[] = [];
  const say = (level: string) => (message: string) => void logged.push(`${level}: ${message}`);
  const listeners = new Set<() => void>();
  const database = { revision: 1, isUp: true, loads: 0, looks: 0 };
  const answer = <T>(value: T) =>
    database.isUp ? Promise.resolve(value) : Promise.reject(new StoreUnavailableError('gone'));
  const table = {
    load: () => {
      database.loads++;
      return answer(catalogAt(database.revision));
    },
    revision: () => {
      database.looks++;
      return answer(database.revision);
    },
    lock: () => Promise.resolve(),
    insert: () => Promise.resolve(),
    update: () => Promise.resolve(true),
    delete: () => Promise.resolve(true),
  };
  const feed = await openCatalogFeed({
    store: {
      catalog: table,
      onNotice: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    clock,
    schedule,
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
  });
  const notify = () => {
    for (const listener of listeners) listener();
    return settled();
  };
  return { feed, database, table, notify, passMs, pending, logged, listeners, clock };
}

describe('openCatalogFeed()', () => {
  it('has the catalog before it resolves', async () => {
    const { feed } = await setUp();
    expect(feed.catalog().revision).toBe(1);
  });

  it('JWT-C96 shows a change within a second, though no notice came', async () => {
    const { feed, database, passMs } = await setUp();
    database.revision = 2;
    await passMs(SECOND_MS);
    expect(feed.catalog().revision).toBe(2);
  });

  it('shows a change at once when a notice comes', async () => {
    const { feed, database, notify } = await setUp();
    database.revision = 2;
    await notify();
    expect(feed.catalog().revision).toBe(2);
  });

  it('shows the revision of a restored database, which went back', async () => {
    const { feed, database, passMs } = await setUp();
    database.revision = 0;
    await passMs(SECOND_MS);
    expect(feed.catalog().revision).toBe(0);
  });

  it('loads nothing while the revision stays, and asks once a second', async () => {
    const { database, passMs } = await setUp();
    await passMs(10 * SECOND_MS);
    expect(database).toMatchObject({ loads: 1, looks: 10 });
  });

  it('asks once for the first of many notices, and once for all that came meanwhile', async () => {
    const { database, notify } = await setUp();
    await Promise.all([notify(), notify(), notify(), notify()]);
    expect(database.looks).toBe(2);
  });

  it('keeps the snapshot that a caller holds as it is', async () => {
    const { feed, database, notify } = await setUp();
    const held = feed.catalog();
    database.revision = 2;
    await notify();
    expect(held.revision).toBe(1);
  });

  it('rejects where the store cannot be reached to begin with', async () => {
    const { table, database } = await setUp();
    database.isUp = false;
    const clock = fakeClock();
    const { schedule } = fakeScheduler(clock);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const opened = openCatalogFeed({
      store: { catalog: table, onNotice: () => () => undefined },
      clock,
      schedule,
      log,
    });
    await expect(opened).rejects.toThrow(StoreUnavailableError);
  });
});

describe('a catalog feed without its store', () => {
  it('JWT-S91 keeps the last snapshot, tells readiness, and says so once', async () => {
    const { feed, database, passMs, logged, clock } = await setUp();
    const reachedAt = clock();
    database.isUp = false;
    await passMs(5 * SECOND_MS);
    expect(feed.catalog().revision).toBe(1);
    expect(feed.status()).toEqual({ isCurrent: false, lastReachedInstant: reachedAt });
    expect(logged).toEqual(['error: the store cannot be reached: the last catalog stays in force']);
  });

  it('is current again within a second of its return', async () => {
    const { feed, database, passMs, logged, clock } = await setUp();
    database.isUp = false;
    await passMs(2 * SECOND_MS);
    Object.assign(database, { isUp: true, revision: 7 });
    await passMs(SECOND_MS);
    expect(feed.catalog().revision).toBe(7);
    expect(feed.status()).toEqual({ isCurrent: true, lastReachedInstant: clock() });
    expect(logged.at(-1)).toBe('info: the store is reached again');
  });
});

describe('a catalog feed whose store holds what it cannot read', () => {
  const BEGAN =
    'error: the catalog in the store does not open with this master key, or not with this version: the last one stays in force';
  const sealedElsewhere = () => Promise.reject(new Error('A sealed value does not open'));

  it('keeps the last snapshot, tells readiness, and says once that it is not the connection', async () => {
    const { feed, database, table, passMs, logged } = await setUp();
    Object.assign(table, { load: sealedElsewhere });
    database.revision = 2;
    await passMs(5 * SECOND_MS);
    expect(feed.catalog().revision).toBe(1);
    expect(feed.status().isCurrent).toBe(false);
    expect(logged).toEqual([BEGAN]);
  });

  it('says so also after the store was away, and when it can be read again', async () => {
    const { feed, database, table, passMs, logged } = await setUp();
    const { load } = table;
    database.isUp = false;
    await passMs(2 * SECOND_MS);
    Object.assign(table, { load: sealedElsewhere });
    Object.assign(database, { isUp: true, revision: 2 });
    await passMs(2 * SECOND_MS);
    Object.assign(table, { load });
    await passMs(2 * SECOND_MS);
    expect(feed.status().isCurrent).toBe(true);
    expect(logged.slice(1)).toEqual([BEGAN, 'info: the catalog in the store can be read again']);
  });
});

describe('CatalogFeed.refresh()', () => {
  it('loads at once, for the process that changed something', async () => {
    const { feed, database } = await setUp();
    database.revision = 2;
    await feed.refresh();
    expect(feed.catalog().revision).toBe(2);
  });

  it('passes on that the store cannot be reached, and keeps the snapshot', async () => {
    const { feed, database } = await setUp();
    database.isUp = false;
    await expect(feed.refresh()).rejects.toThrow(StoreUnavailableError);
    expect(feed.catalog().revision).toBe(1);
  });

  it('never puts a load that began earlier over one that began later', async () => {
    const { feed, table } = await setUp();
    const late = Promise.withResolvers<Catalog>();
    table.load = () => late.promise;
    const first = feed.refresh();
    table.load = () => Promise.resolve(catalogAt(3));
    await feed.refresh();
    late.resolve(catalogAt(2));
    await first;
    expect(feed.catalog().revision).toBe(3);
  });
});

describe('CatalogFeed.close()', () => {
  it('ends polling and listening', async () => {
    const { feed, pending, listeners, database, passMs } = await setUp();
    feed.close();
    await passMs(3 * SECOND_MS);
    expect({ pending: pending(), listeners: listeners.size, looks: database.looks }).toEqual({
      pending: 0,
      listeners: 0,
      looks: 0,
    });
  });
});
