import { describe, expect, it } from 'vitest';
import { formatIssues, formatPath, summarizeIssues } from '../../../src/config/issue.ts';
import { createSource, maskSecrets } from '../../../src/config/source.ts';

describe('maskSecrets()', () => {
  it.each([
    ['secret: hunter2', 'secret: *******'],
    ['  secret: "hunter2"  # mine', '  secret: *********  # mine'],
    ["secret: 'hunter2'", 'secret: *********'],
    ['secret: hunter2, or so', 'secret: **************'],
    ['{ secret: hunter2, kid: one }', '{ secret: *******, kid: one }'],
    ['{ secret: "a, b", secretBase64: Zm9v }', '{ secret: ******, secretBase64: **** }'],
    ['"secret": "hunter2"', '"secret": *********'],
    ['jwk: { kty: oct, k: Zm9v }', 'jwk: { kty: oct, k: **** }'],
    ['secret: "unterminated', 'secret: *************'],
    ['secret: "${NAME}"', 'secret: "${NAME}"'],
    ['{ secret: "${NAME}", kid: one }', '{ secret: "${NAME}", kid: one }'],
    ['secret: "${NAME:-hunter2}"', 'secret: ******************'],
    ['secret: "x" hunter2', 'secret: ***********'],
    ['secret: "${NAME}hunter2"', 'secret: ****************'],
    ['secret: [hunter2]', 'secret: *********'],
    ['- { kid: a, secret: hunter2 }  # hunter3', '- { kid: a, secret: ******* }  # hunter3'],
    ['secret: { file: a.txt }', 'secret: { file: a.txt }'],
    ['signingKey: hunter2', 'signingKey: *******'],
    ['signing_key: "hunter2"', 'signing_key: *********'],
    ['hmacSecret: hunter2', 'hmacSecret: *******'],
    ['secret:hunter2', 'secret:*******'],
    ['url: "https://me:hunter2@idp.test/"', 'url: "https://**********@idp.test/"'],
    ['pemFile: "-----BEGIN KEY-----hunter2"', `pemFile: "${'*'.repeat(27)}`],
    ['{ secret: x, allowWeakSecret: true }', '{ secret: *, allowWeakSecret: true }'],
    ['kid: one', 'kid: one'],
    ['issuer: fusion', 'issuer: fusion'],
  ])('shows %j as %j', (line, expected) => {
    expect(maskSecrets(line)).toBe(expected);
    expect(expected).toHaveLength(line.length);
  });
});

describe('issueAt()', () => {
  const source = createSource({ path: 'x.yaml', text: 'one: 1\r\ntwo: 2\n\tthree' });

  it('counts lines and columns from 1', () => {
    expect(source.issueAt(13, ['two'], 'm')).toMatchObject({ line: 2, column: 6, excerpt: 'two: 2' });
  });

  it('stays inside the text', () => {
    expect(source.issueAt(1000, [], 'm')).toMatchObject({ line: 3 });
  });
});

describe('mistakeAt()', () => {
  const text = `realms:
  - signingKey:
      secret: |
        hunter2
      kid: a
    issuer: fusion
    -
routes: []`;
  const source = createSource({ path: 'x.yaml', text });
  const excerptAt = (word: string, path: string[] = []) =>
    source.mistakeAt(text.indexOf(word), path, 'is wrong').excerpt;

  it.each(['signingKey', 'secret', 'hunter2', 'kid'])(
    'shows no line in or below a secret block while the syntax is not understood: %s',
    (word) => {
      expect(excerptAt(word)).toBe('');
    },
  );

  it('shows no line without a key while the syntax is not understood: it may continue a secret', () => {
    expect(excerptAt('-\nroutes')).toBe('');
  });

  it('shows no line of a signing key that the schema does not want', () => {
    expect(excerptAt('kid', ['realms', 'signingKey', 'kid'])).toBe('');
  });

  it('shows every other line', () => {
    expect(excerptAt('issuer')).toBe('    issuer: fusion');
    expect(excerptAt('routes')).toBe('routes: []');
    expect(excerptAt('issuer', ['realms', 'issuer'])).toBe('    issuer: fusion');
  });
});

describe('formatIssues()', () => {
  it('points below the place, control characters turned to spaces', () => {
    const source = createSource({ path: 'x.yaml', text: 'a:\tb\u001b[31m' });
    expect(formatIssues([source.issueAt(3, ['a'], 'is wrong')])).toBe(
      'x.yaml:1:4: a: is wrong\n    a: b [31m\n       ^',
    );
  });

  it('leaves out the excerpt of a line that is too long to show', () => {
    const source = createSource({ path: 'x.yaml', text: 'x'.repeat(500) });
    expect(formatIssues([source.issueAt(400, [], 'is wrong')])).toBe('x.yaml:1:401: is wrong');
  });
});

describe('summarizeIssues()', () => {
  it('says place and message without the source line', () => {
    const source = createSource({ path: 'x.yaml', text: 'a: b' });
    const issues = [source.issueAt(3, ['a'], 'is wrong'), source.issueAt(0, [], 'is odd')];
    expect(summarizeIssues(issues)).toBe('x.yaml:1:4: a: is wrong\nx.yaml:1:1: is odd');
  });
});

describe('formatPath()', () => {
  it.each([
    [[], ''],
    [['realms', 0, 'signingKey'], 'realms[0].signingKey'],
    [['roles', 'group one'], 'roles["group one"]'],
  ])('%j is %s', (path, expected) => {
    expect(formatPath(path)).toBe(expected);
  });
});
