/** SECURITY.md says which tests hold each promise. They must be there, and be about what it says. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRepositoryFile } from '../support/sources.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Enough that the table is the one that was meant. */
const PROMISES_MIN = 15;

interface Promised {
  readonly promise: string;
  /** Acceptance and security rows that the tests prove. */
  readonly rows: readonly string[];
  readonly files: readonly string[];
}

/** The lines of the table below `| promise | rows | held by |`. */
function promisesOf(text: string): Promised[] {
  const lines = text.split('\n');
  const start = lines.indexOf('| promise | rows | held by |') + 2;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith('|'));
  return lines.slice(start, end).map((line) => {
    const [, promise = '', rows = '', files = ''] = line.split(/(?<!`)\|(?!`)/).map((cell) => cell.trim());
    return { promise, rows: rows.split(' ').filter((row) => row !== ''), files: testFilesIn(files) };
  });
}

function testFilesIn(text: string): string[] {
  return [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
}

/** What is wrong with one promise; `read` gives the text of a file, or null where there is none. */
function problemsOf({ promise, rows, files }: Promised, read: (path: string) => string | null): string[] {
  const texts = files.map(read);
  const missing = files.filter((_path, index) => texts[index] === null).map((path) => `no file ${path}`);
  const all = texts.join('\n');
  const unproven = rows
    .filter((row) => !new RegExp(`\\b${row}\\b`).test(all))
    .map((row) => `no test of ${row}`);
  const problems = [...missing, ...unproven, ...(files.length === 0 ? ['no tests'] : [])];
  return problems.map((problem) => `${promise.slice(0, 40)}: ${problem}`);
}

function readIfPresent(path: string): string | null {
  return existsSync(join(ROOT, path)) ? readRepositoryFile(path) : null;
}

describe('the SECURITY.md test', () => {
  const table = (row: string) =>
    promisesOf(`text\n| promise | rows | held by |\n|---|---|---|\n${row}\n\ntext`);
  const read = (path: string) => (path === 'test/a.test.ts' ? "it('J01 refuses')" : null);
  const problems = (row: string) => table(row).flatMap((promised) => problemsOf(promised, read));

  it('lets a promise pass whose test is there', () => {
    expect(problems('| a | J01 | `test/a.test.ts` |')).toEqual([]);
  });

  it.each([
    ['| a | J01 | `test/b.test.ts` |', 'a: no file test/b.test.ts'],
    ['| a | J01 J02 | `test/a.test.ts` |', 'a: no test of J02'],
    ['| a | J0 | `test/a.test.ts` |', 'a: no test of J0'],
    ['| a | | nothing |', 'a: no tests'],
  ])('catches %s', (row, problem) => expect(problems(row)).toContain(problem));
});

describe('SECURITY.md', () => {
  const text = readRepositoryFile('SECURITY.md');

  it('holds every promise by tests that exist and name the rows', () => {
    const promises = promisesOf(text);
    expect(promises.length).toBeGreaterThanOrEqual(PROMISES_MIN);
    expect(promises.flatMap((promised) => problemsOf(promised, readIfPresent))).toEqual([]);
  });

  it('names no file that is not there', () => {
    const paths = [...text.matchAll(/`((?:test|config|examples|docs|src)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('says how to report, what is supported, what is promised and what is not', () => {
    const headings = text.split('\n').filter((line) => line.startsWith('## '));
    expect(headings).toEqual([
      '## Reporting a vulnerability',
      '## Supported versions',
      '## Threat model',
      '## What we promise',
      '## What we do not promise',
      '## Checklist for operators',
    ]);
  });
});
