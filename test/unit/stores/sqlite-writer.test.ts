import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SqliteThread } from '../../../src/stores/sqlite/thread.ts';
import { SqliteWriter } from '../../../src/stores/sqlite/writer.ts';
import { SILENCE_MAX_MS } from '../../../src/stores/transaction.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';

const insert = (id: string) => ({ sql: 'INSERT INTO things VALUES ($1)', values: [id] });

describe('SqliteWriter', () => {
  let directory = '';
  let thread: SqliteThread;
  let writer: SqliteWriter;
  const kept = () =>
    writer.transaction(async (queries) => {
      const { rows } = await queries.query('SELECT id FROM things ORDER BY id');
      return rows.map((row) => row['id']);
    });
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
    const file = join(directory, 'x.db');
    writeFileSync(file, '');
    thread = new SqliteThread({ file, role: 'writer' });
    writer = new SqliteWriter(thread);
    await writer.transaction((queries) => queries.query('CREATE TABLE things (id TEXT)'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await thread.close();
    rmSync(directory, { recursive: true });
  });

  it('T08 undoes work that falls silent, and keeps what shares the commit with it', async () => {
    const silent = Promise.withResolvers<void>();
    const before = writer.change([insert('before')]);
    const work = writer.transaction(async (queries) => {
      await queries.query(insert('silent').sql, insert('silent').values);
      silent.resolve();
      await new Promise(() => undefined);
    });
    const after = writer.change([insert('after')]);
    const all = Promise.allSettled([before, work, after]);
    await silent.promise;
    await vi.advanceTimersByTimeAsync(SILENCE_MAX_MS);
    expect(await all).toMatchObject([
      { value: { count: 1 } },
      { reason: expect.any(StoreUnavailableError) },
      { value: { count: 1 } },
    ]);
    expect(await kept()).toEqual(['after', 'before']);
  });
});
