import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connected, group } from '../../../src/stores/sqlite/changes.ts';
import { Database } from '../../../src/stores/sqlite/database.ts';
import { type Answer, BEGIN } from '../../../src/stores/sqlite/protocol.ts';

const statement = (sql: string) => ({ sql, values: [] });
const changeOf = (...statements: string[]) => ({ statements: statements.map(statement) });
const insert = (id: string) => `INSERT INTO things VALUES ('${id}')`;
const NOTHING = "DELETE FROM things WHERE id = 'nobody'";
const changed = { outcome: { rows: [], count: 1 } };
const unchanged = { outcome: { rows: [], count: 0 } };
const refused = { failure: { code: 2067 } };

/** A database of its own, with `before` in it. */
function openThings() {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
  const file = join(directory, 'x.db');
  writeFileSync(file, '');
  const writer = new Database({ file, role: 'writer' });
  const reader = new Database({ file, role: 'reader' });
  for (const sql of [BEGIN, 'CREATE TABLE things (id TEXT UNIQUE)', insert('before'), 'COMMIT'])
    writer.answer(statement(sql));
  return {
    writer,
    kept: () => {
      const answer = reader.answer(statement('SELECT id FROM things ORDER BY id'));
      return 'outcome' in answer ? answer.outcome.rows.map((row) => row['id']) : answer;
    },
    close: () => {
      reader.close();
      writer.close();
      rmSync(directory, { recursive: true });
    },
  };
}

describe('Database.answer() of a group', () => {
  let things: ReturnType<typeof openThings>;
  beforeEach(() => {
    things = openThings();
  });
  afterEach(() => things.close());
  const ask = (...changes: string[][]) =>
    things.writer.answer({ changes: changes.map((one) => changeOf(...one)) });

  it('commits all of its changes', () => {
    expect(ask([insert('a')], [insert('b'), insert('c')])).toEqual({ answers: [changed, changed] });
    expect(things.kept()).toEqual(['a', 'b', 'before', 'c']);
  });

  it.each([
    ['changes nothing', NOTHING, unchanged],
    ['is refused', insert('before'), refused],
  ])('T08 undoes a change that %s at its end, and no other', (_how, last, answer) => {
    expect(ask([insert('a')], [insert('half'), last], [insert('b'), insert('c')])).toMatchObject({
      answers: [changed, answer, changed],
    });
    expect(things.kept()).toEqual(['a', 'b', 'before', 'c']);
  });

  it('keeps the others where a change ends at its beginning', () => {
    expect(ask([insert('a')], [insert('before'), insert('b')], [NOTHING, insert('c')])).toMatchObject({
      answers: [changed, refused, unchanged],
    });
    expect(things.kept()).toEqual(['a', 'before']);
  });

  it('T08 keeps nothing where the database fails, and the next group is kept', () => {
    const pages = (count: number) => {
      for (const sql of [BEGIN, `PRAGMA max_page_count = ${count}`, 'COMMIT'])
        things.writer.answer(statement(sql));
    };
    pages(1);
    const large = 'INSERT INTO things SELECT randomblob(50000) FROM (VALUES (1), (2))';
    expect(ask([insert('a')], [insert('b'), large], [insert('c')])).toMatchObject({ failure: { code: 13 } });
    expect(things.kept()).toEqual(['before']);
    pages(1_000_000);
    expect(ask([insert('d')])).toEqual({ answers: [changed] });
    expect(things.kept()).toEqual(['before', 'd']);
  });

  it('T08 leaves behind what changes one by one leave, and answers as they do', () => {
    const step = fc.constantFrom(
      insert('a'),
      insert('b'),
      insert('c'),
      "DELETE FROM things WHERE id = 'a'",
      NOTHING,
    );
    const changes = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, (asked) => {
        const [together, alone] = [openThings(), openThings()];
        try {
          const answers = asked.map((one) => {
            alone.writer.answer(statement(BEGIN));
            const answer = alone.writer.answer(changeOf(...one));
            alone.writer.answer(statement('COMMIT'));
            return answer;
          });
          expect(together.writer.answer({ changes: asked.map((one) => changeOf(...one)) })).toEqual({
            answers,
          });
          expect(together.kept()).toEqual(alone.kept());
        } finally {
          together.close();
          alone.close();
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('group()', () => {
  /** Answers by text; anything else has changed one row. */
  const connected = (answers: Readonly<Record<string, Answer>>) => {
    const run: string[] = [];
    const on: Connected = {
      run: ({ sql }) => {
        run.push(sql);
        return answers[sql] ?? changed;
      },
      breakOff: () => run.push('(ended)'),
    };
    return { on, run };
  };

  it('takes savepoints only where something has to be undone', () => {
    const { on, run } = connected({});
    group(on, { changes: [changeOf('a', 'b'), changeOf('c', 'd')] });
    expect(run).toEqual([BEGIN, 'a', 'b', 'c', 'd', 'COMMIT']);
  });

  it('T08 ends the transaction before it does a group again', () => {
    const { on, run } = connected({ b: unchanged });
    expect(group(on, { changes: [changeOf('a', 'b')] })).toEqual({ answers: [unchanged] });
    const again = [BEGIN, 'SAVEPOINT change', 'a', 'b', 'ROLLBACK TO change', 'RELEASE change', 'COMMIT'];
    expect(run).toEqual([BEGIN, 'a', 'b', '(ended)', ...again]);
  });

  it('T08 fails as a whole where its COMMIT fails', () => {
    const failure = { failure: { code: 10, message: 'disk I/O error' } };
    const { on, run } = connected({ COMMIT: failure });
    expect(group(on, { changes: [changeOf('a')] })).toEqual(failure);
    expect(run.at(-1)).toBe('(ended)');
  });

  it('T08 fails as a whole where a change cannot be undone', () => {
    const { on, run } = connected({
      b: unchanged,
      'ROLLBACK TO change': { failure: { code: 1, message: 'no' } },
    });
    expect(group(on, { changes: [changeOf('a', 'b')] })).toEqual({ failure: { code: null, message: 'no' } });
    expect(run).not.toContain('COMMIT');
  });
});
