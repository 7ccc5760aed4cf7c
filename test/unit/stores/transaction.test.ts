import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../../../src/stores/driver.ts';
import { SILENCE_MAX_MS, Transaction } from '../../../src/stores/transaction.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';

const transactionOver = (query: () => Promise<Outcome> = () => Promise.resolve({ rows: [], count: 0 })) =>
  new Transaction({ dialect: 'sqlite', query, notify: () => Promise.resolve() });

describe('Transaction.run()', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ends work that waits for what it must not wait for', async () => {
    const run = transactionOver().run(() => new Promise(() => undefined));
    const outcome = expect(run).rejects.toThrow(StoreUnavailableError);
    await vi.advanceTimersByTimeAsync(SILENCE_MAX_MS);
    await outcome;
  });

  it('lets a statement take its time', async () => {
    const answered = Promise.withResolvers<{ rows: []; count: number }>();
    const run = transactionOver(() => answered.promise).run((queries) => queries.query('A'));
    await vi.advanceTimersByTimeAsync(10 * SILENCE_MAX_MS);
    answered.resolve({ rows: [], count: 1 });
    expect(await run).toMatchObject({ count: 1 });
  });

  it('leaves no timer behind', async () => {
    await transactionOver().run((queries) => queries.query('A'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('asks the database nothing more after a failure', async () => {
    const query = vi.fn(() => Promise.reject(new Error('first')));
    const run = transactionOver(query).run(async (queries) => {
      await queries.query('A').catch(() => undefined);
      await queries.query('B').catch(() => undefined);
    });
    await expect(run).rejects.toThrow('first');
    expect(query).toHaveBeenCalledTimes(1);
  });

  it('lets work within it be part of it', async () => {
    const given = await transactionOver().run((queries) =>
      queries.transaction(async (inside) => inside === queries),
    );
    expect(given).toBe(true);
  });

  it.each([
    [[1, 1], { is: true, asked: ['A', 'B'] }],
    [[0, 1], { is: false, asked: ['A'] }],
  ])(
    'changes all or, where the first of them changes nothing, none (counts %j)',
    async (counts, expected) => {
      const asked: string[] = [];
      const query = (sql: string) => {
        asked.push(sql);
        return Promise.resolve({ rows: [], count: counts[asked.length - 1] ?? 0 });
      };
      const transaction = new Transaction({ dialect: 'sqlite', query, notify: () => Promise.resolve() });
      const change = ['A', 'B'].map((sql) => ({ sql, values: [] }));
      expect(await transaction.run((queries) => queries.changeAll(change))).toBe(expected.is);
      expect(asked).toEqual(expected.asked);
    },
  );

  it('fails, whatever the work makes of it, where a later one of them changes nothing', async () => {
    const outcomes = [1, 0];
    const query = () => Promise.resolve({ rows: [], count: outcomes.shift() ?? 0 });
    const change = ['A', 'B'].map((sql) => ({ sql, values: [] }));
    const run = transactionOver(query).run((queries) => queries.changeAll(change).catch(() => true));
    await expect(run).rejects.toThrow('changed nothing');
  });
});
