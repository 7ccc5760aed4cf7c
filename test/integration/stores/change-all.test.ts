import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Driver, Statement } from '../../../src/stores/driver.ts';
import { PostgresDriver } from '../../../src/stores/postgres/open.ts';
import { SqliteDriver } from '../../../src/stores/sqlite/open.ts';
import { DuplicateError, type Store } from '../../../src/tokens/store.ts';
import { fakeClock } from '../../support/clock.ts';
import { STORE_SEALER, type StoreKind, silentLog } from '../../support/open-store.ts';
import { eachStore } from '../../support/store.ts';
import { aSuccessor, NOW_MS, storedRefreshToken } from '../../support/stored-objects.ts';

function openDriver(kind: StoreKind, address: string): Driver {
  if (kind === 'sqlite') return new SqliteDriver(address);
  return new PostgresDriver({ url: address, clock: fakeClock(), log: silentLog, sealer: STORE_SEALER });
}

/** Any table would do. */
function insertion(lookup: string): Statement {
  const sql = 'INSERT INTO pending_links (lookup, expires_instant, body) VALUES ($1, $2, $3)';
  return { sql, values: [lookup, NOW_MS, '{}'] };
}

/** Of a row that is not there. */
function missing(): Statement {
  return { sql: 'UPDATE pending_links SET expires_instant = 0 WHERE lookup = $1', values: [randomUUID()] };
}

/** Those of the rows that are there, in the order of `lookups`. */
async function presentOf(driver: Driver, lookups: readonly string[]): Promise<string[]> {
  const found = lookups.map(async (lookup) => {
    const { count } = await driver.query('SELECT lookup FROM pending_links WHERE lookup = $1', [lookup]);
    return count > 0 ? [lookup] : [];
  });
  return (await Promise.all(found)).flat();
}

describe('Driver.changeAll()', () => {
  eachStore((kind, open, address) => {
    let driver: Driver;
    let other: Driver;
    beforeAll(async () => {
      await open(); // makes the tables
      driver = openDriver(kind, address());
      other = openDriver(kind, address());
    });
    afterAll(() => Promise.all([driver.close(), other.close()]));

    it('writes all of the statements, and others see it', async () => {
      const lookups = [randomUUID(), randomUUID()];
      expect(await driver.changeAll(lookups.map(insertion))).toBe(true);
      expect(await presentOf(other, lookups)).toEqual(lookups);
    });

    it.each([0, 1, 2])('writes nothing where its statement %i changes nothing', async (failing) => {
      const lookups = [randomUUID(), randomUUID(), randomUUID()];
      const statements = lookups.map((lookup, index) => (index === failing ? missing() : insertion(lookup)));
      expect(await driver.changeAll(statements)).toBe(false);
      expect(await presentOf(driver, lookups)).toEqual([]);
    });

    it('is false where its only statement changes nothing', async () => {
      expect(await driver.changeAll([missing()])).toBe(false);
    });

    it('writes nothing where one of its statements is refused, and says why', async () => {
      const [taken, free] = [randomUUID(), randomUUID()];
      await driver.changeAll([insertion(taken)]);
      await expect(driver.changeAll([free, taken].map(insertion))).rejects.toThrow(DuplicateError);
      expect(await presentOf(driver, [free])).toEqual([]);
    });

    it('is apart from those that wait with it, transactions among them', async () => {
      const lookups = Array.from({ length: 40 }, () => randomUUID());
      const works = lookups.map((lookup, index) => {
        const { sql, values } = insertion(lookup);
        if (index % 4 === 0) return driver.changeAll([insertion(lookup)]);
        if (index % 4 === 1) return driver.transaction((queries) => queries.query(sql, values));
        if (index % 4 === 2) return driver.changeAll([insertion(lookup), missing()]);
        return driver.transaction(async (queries) => {
          await queries.query(sql, values);
          throw new Error('no');
        });
      });
      await Promise.allSettled(works);
      expect(await presentOf(other, lookups)).toEqual(lookups.filter((_unused, index) => index % 4 < 2));
    });
  });
});

describe('rotation, which is such a change', () => {
  eachStore((_, open) => {
    it('T04 is one of many that change one value: exactly one does, and the old value is retired', async () => {
      const stores: readonly Store[] = [await open(), await open()];
      const [store] = stores;
      const token = await storedRefreshToken(store!);
      const rotations = Array.from({ length: 20 }, (_unused, index) =>
        stores[index % 2]!.refreshTokens.rotate(token.id, token.lookup, aSuccessor(), NOW_MS),
      );
      expect((await Promise.all(rotations)).filter(Boolean)).toHaveLength(1);
      expect((await store!.refreshTokens.get(token.id))?.sequence).toBe(token.sequence + 1);
      expect(await store!.refreshTokens.find(token.lookup)).toMatchObject({ use: 'retired' });
    });
  });
});
