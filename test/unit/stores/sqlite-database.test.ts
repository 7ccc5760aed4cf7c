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

  it('of questions that came together to a reader shows one moment, and goes on after one that fails', () => {
    for (const sql of [BEGIN, 'CREATE TABLE t (a)', 'COMMIT']) ask(writer, sql);
    const insert = () => {
      for (const sql of [BEGIN, "INSERT INTO t VALUES ('a')", 'COMMIT']) ask(writer, sql);
    };
    const count = { sql: 'SELECT COUNT(*) AS n FROM t', values: [] };
    const wrong = { sql: 'SELECT a FROM nowhere', values: [] };
    insert();
    expect(reader.answers([count, wrong, count])).toMatchObject([
      { outcome: { rows: [{ n: 1 }] } },
      { failure: { code: 1 } },
      { outcome: { rows: [{ n: 1 }] } },
    ]);
    insert();
    expect(reader.answers([count])).toMatchObject([{ outcome: { rows: [{ n: 2 }] } }]);
  });

  const change = (...statements: string[]) =>
    writer.answer({ statements: statements.map((sql) => ({ sql, values: [] })) });
  const begun = () => {
    for (const sql of [BEGIN, 'CREATE TABLE t (a UNIQUE)', "INSERT INTO t VALUES ('before')"])
      ask(writer, sql);
  };
  const kept = () => {
    ask(writer, 'COMMIT');
    return ask(reader, 'SELECT a FROM t');
  };
  const before = { outcome: { rows: [{ a: 'before' }], count: 1 } };

  it('of a change gives the outcome of its last statement', () => {
    begun();
    expect(change("INSERT INTO t VALUES ('a')", "UPDATE t SET a = 'b' WHERE a = 'a'")).toEqual({
      outcome: { rows: [], count: 1 },
    });
    expect(kept()).toMatchObject({ outcome: { rows: [{ a: 'before' }, { a: 'b' }] } });
  });

  it('of a change that changes nothing at its end undoes what came before it, and nothing else', () => {
    begun();
    expect(change("INSERT INTO t VALUES ('a')", "DELETE FROM t WHERE a = 'c'")).toEqual(done);
    expect(kept()).toEqual(before);
  });

  it('of a change that is refused undoes it, and the transaction goes on', () => {
    begun();
    expect(change("INSERT INTO t VALUES ('a')", "INSERT INTO t VALUES ('before')")).toMatchObject({
      failure: { code: 2067 },
    });
    expect(kept()).toEqual(before);
  });

  it.each([
    ['alone', []],
    ['after another', ["INSERT INTO t VALUES ('a')"]],
  ])(
    'T08 of a change that the database fails in, %s, ends the transaction: no COMMIT keeps a part of it',
    (_how, first) => {
      for (const sql of [BEGIN, 'CREATE TABLE t (a UNIQUE)', 'COMMIT', BEGIN]) ask(writer, sql);
      expect(ask(writer, 'PRAGMA max_page_count = 1')).toMatchObject({ outcome: { count: 1 } });
      ask(writer, "INSERT INTO t VALUES ('lost')");
      // Of several rows: SQLite undoes the statement then, and leaves the transaction as it was.
      const large = 'INSERT INTO t SELECT randomblob(50000) FROM (VALUES (1), (2))';
      expect(change(...first, large)).toMatchObject({ failure: { code: 13 } });
      expect(ask(writer, 'COMMIT')).toEqual({ failure: { code: null, message: 'there is no transaction' } });
      expect(ask(reader, 'SELECT a FROM t')).toEqual(done);
    },
  );

  it('T08 of a change does nothing outside of a transaction', () => {
    expect(change('CREATE TABLE t (a)')).toMatchObject({ failure: { code: null } });
  });
});
