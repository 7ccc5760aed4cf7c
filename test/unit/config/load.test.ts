import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { issuesOf } from '../../support/config.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');
const DEMO = readFileSync(join(REPOSITORY, 'config/countersign.yaml'), 'utf8');
const ACCEPTANCE = readFileSync(join(REPOSITORY, 'config/acceptance.yaml'), 'utf8');

const load = (text: string) => loadConfig({ path: 'x.yaml', text }, {});

describe('loadConfig()', () => {
  it('FJR-S01: reads config/acceptance.yaml, with a realm of type jwt and a name', () => {
    const loaded = load(ACCEPTANCE);
    expect(loaded).toMatchObject({
      config: { settings: { realms: [{ name: 'fusion', type: 'jwt', issuer: 'fusion' }, {}, {}] } },
    });
  });

  it('reads the demo', () => {
    expect(load(DEMO)).toHaveProperty('config');
  });

  it('reports all mistakes at once, in the order of the file', () => {
    const issues = issuesOf('version: 1\nworkers: 0\nrealms: x\nroutes: []\nlimits: { conections: 5 }\n');
    expect(issues.map((issue) => issue.split(':')[0])).toEqual(['2', '3', '4', '5']);
  });

  it('shows nobody more than a hundred issues', () => {
    const keys = Array.from({ length: 500 }, (_, index) => `k${index}: 1`).join('\n');
    expect(issuesOf(`version: 1\n${keys}`)).toHaveLength(100);
  });

  it('does not put the value of a variable into an issue', () => {
    const text = 'version: 1\nroutes: "${SECRET}"\ndataDir: "${SECRET}"\nworkers: "${SECRET}"\n';
    expect(JSON.stringify(loadConfig({ path: 'x', text }, { SECRET: 'hunter2' }))).not.toContain('hunter2');
  });

  it('does not put a secret of the file into an issue, whatever is wrong with it', () => {
    for (const secret of [
      'hunter2',
      '*hunter2',
      '!hunter2',
      '&hunter2 x',
      '"hunter2',
      '{hunter2',
      'hunter2: x',
      '"x" hunter2',
    ]) {
      const loaded = load(`version: 1\nrealms:\n  - signingKey:\n      secret: ${secret}\n`);
      expect(loaded).toHaveProperty('issues');
      expect(JSON.stringify(loaded), secret).not.toContain('hunter2');
    }
  });
});

/** Y01. Each is refused without being built; that it takes milliseconds shows in the run time of this file. */
const HOSTILE: readonly (readonly [what: string, text: string, issue: RegExp])[] = [
  ['an alias bomb', aliasBomb(), /aliases are not supported/],
  [
    'a megabyte in one scalar',
    `version: 1\ndataDir: "${'x'.repeat(1_000_000)}"`,
    /^2:10 dataDir: the text is longer/,
  ],
  ['more than a mebibyte', `#${'x'.repeat(1024 * 1024)}`, /^1:1 the file is longer/],
  ['10 000 nested flow lists', `a: ${'['.repeat(10_000)}`, /^1:35 more than 32 levels/],
  ['10 000 nested flow maps', `a: ${'{a: '.repeat(10_000)}`, /^1:\d+ more than 32 levels/],
  ['starts behind stray ends', `a: ${']'.repeat(10_000)}${'['.repeat(10_000)}`, /more than 32 levels/],
  ['10 000 nested block lists on one line', '- '.repeat(10_000), /^1:63 more than 32 levels/],
  ['10 000 nested complex keys', '? '.repeat(10_000), /^1:63 more than 32 levels/],
  [
    '1000 indented levels',
    Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    /^33:33 more than 32 levels/,
  ],
  ['half a million empty maps', `a: ${'{}'.repeat(500_000)}`, /more than 200000 words and signs/],
  ['half a million quotes', '"'.repeat(1_000_000), /more than 200000 words and signs/],
  ['300 000 anchors', '&a '.repeat(300_000), /more than 200000 words and signs/],
  ['30 000 broken references', `dataDir: "${'${'.repeat(30_000)}"`, /^1:10 dataDir: a reference to/],
  ['duplicate keys', 'version: 1\nversion: 1', /^2:1 version: the key stands here twice, first in line 1/],
  ['20 000 keys', Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'), /unknown key/],
  ['a merge key', 'version: 1\n<<: { dataDir: x }', /^2:1 \["<<"\]: this key is not allowed/],
  ['!!js', 'version: !!js/undefined ""', /^1:10 Unresolved tag/],
  ['!!binary', 'dataDir: !!binary aGk=', /^1:10 Unresolved tag/],
  ['__proto__', '__proto__: { version: 1 }', /^1:1 __proto__: this key is not allowed/],
  ['constructor', 'version: 1\nconstructor: { prototype: 1 }', /^2:1 constructor: this key is not allowed/],
  ['a tab as indentation', 'limits:\n\theaderCount: 50', /^2:1 Tabs are not allowed/],
  ['a byte order mark', '\ufeffversion: 1', /^1:1 the file begins with a byte order mark/],
  ['two documents', 'version: 1\n---\nversion: 1', /^2:1 the file holds more than one document/],
  ['a NUL', 'version: 1\ndataDir: "a\u0000"', /^2:12 the file holds a control character/],
  ['an escape sequence', 'version: 1\ndataDir: \u001b[2J', /^2:10 the file holds a control character/],
  ['a misspelt key', 'versoin: 1', /^1:1 versoin: unknown key \(did you mean "version"\?\)/],
  ['a list as key', '? [a]\n: b', /^1:3 With stringKeys, all keys must be strings/],
  ['a directive', '%FOO bar\n---\nversion: 1', /^1:\d Unknown directive/],
  ['nothing', '', /^1:1 the file is empty/],
  ['a comment only', '# x', /^1:1 the file is empty/],
];

function aliasBomb(): string {
  const levels = Array.from(
    { length: 20 },
    (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`,
  );
  return ['a0: &a0 x', ...levels].join('\n');
}

describe('loadConfig() refuses with line and column (Y01)', () => {
  it.each(HOSTILE)('%s', (_what, text, issue) => {
    expect(issuesOf(text)).toContainEqual(expect.stringMatching(issue));
  });

  it('leaves the prototypes of the process alone', () => {
    issuesOf('__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('loadConfig() on mutated files', () => {
  const pieces = [
    '${',
    '"',
    "'",
    '[',
    '{',
    '}',
    '*a',
    '&a ',
    '!!x ',
    '- ',
    '? ',
    ': ',
    '\n',
    '\t',
    '<<: ',
    '|\n',
    '#',
    '9'.repeat(20),
    '\u0000',
    'ä',
    'null',
  ];

  it('never throws: it finds issues with a place inside the file, or a configuration', () => {
    const mutation = fc.tuple(
      fc.nat({ max: ACCEPTANCE.length }),
      fc.nat({ max: 40 }),
      fc.oneof(fc.constantFrom(...pieces), fc.string()),
    );
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        let text = ACCEPTANCE;
        for (const [at, length, inserted] of mutations)
          text = text.slice(0, at) + inserted + text.slice(at + length);
        const loaded = load(text);
        const lines = text.split('\n').length;
        const issues = 'issues' in loaded ? loaded.issues : [];
        expect(issues.every(({ line, column }) => line >= 1 && line <= lines && column >= 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
