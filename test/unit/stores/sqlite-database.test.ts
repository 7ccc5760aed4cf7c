import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/stores/sqlite/database.ts';
import { BEGIN } from '../../../src/stores/sqlite/protocol.ts';

describe('Database.answer()', () => {
  let directory = '';
  let writer: Database;
  let reader: Database;
  const ask = (of: Database, sql: string) => of.answer({ sql, values: [] });
  const done = { outcome: { rows: [], count: 0 } };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
    const file = join(directory, 'x.db');
    writeFileSync(file, '');
    writer = new Database({ file, role: 'writer' });
    reader = new Database({ file, role: 'reader' });
  });
  afterEach(() => {
    reader.close();
    writer.close();
    rmSync(directory, { recursive: true });
  });

  it('T08 of a writer does nothing outside of a transaction: what was meant for a broken one is not done alone', () => {
    const refused = { failure: { code: null, message: 'there is no transaction' } };
    expect(ask(writer, 'CREATE TABLE t (a)')).toEqual(refused);
    expect(ask(writer, BEGIN)).toEqual(done);
    expect(ask(writer, 'ROLLBACK')).toEqual(done);
    expect(ask(writer, 'CREATE TABLE t (a)')).toEqual(refused);
  });

  it('of a writer commits to the disk, not to the system', () => {
    ask(writer, BEGIN);
    expect(ask(writer, 'PRAGMA synchronous')).toEqual({ outcome: { rows: [{ synchronous: 2 }], count: 1 } });
    expect(ask(writer, 'PRAGMA journal_mode')).toMatchObject({
      outcome: { rows: [{ journal_mode: 'wal' }] },
    });
  });

  it('of a reader changes nothing', () => {
    for (const sql of [BEGIN, 'CREATE TABLE t (a)', 'COMMIT']) ask(writer, sql);
    expect(ask(reader, 'SELECT a FROM t')).toEqual(done);
    expect(ask(reader, 'DELETE FROM t')).toMatchObject({ failure: { code: 8 } });
  });

  it('makes no empty database where the file was taken away', () => {
    rmSync(join(directory, 'x.db'));
    expect(ask(writer, BEGIN)).toMatchObject({ failure: { code: 14 } });
  });
});
