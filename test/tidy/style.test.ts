/** House rules that no linter knows, on every tracked file; each is first shown to catch what it is for. */
import { describe, expect, it } from 'vitest';
import { readRepositoryFile, type SourceFile, trackedFiles } from '../support/sources.ts';

const LINES_MAX = 300; // a file that is read in one sitting
const TEST_LINES_MAX = 600; // tables of cases are looked up, not read

interface Rule {
  readonly name: string;
  readonly appliesTo: RegExp;
  readonly pattern: RegExp;
  /** Text that breaks the rule, to show that it can. */
  readonly planted: string;
}

const TYPESCRIPT = /\.ts$/;
const TEST = /^test\/.*\.ts$/;
/** This folder plants what it looks for. */
const OWN = /^test\/tidy\//;
const ANY = /./;

const RULES: readonly Rule[] = [
  { name: 'unfinished work', appliesTo: ANY, pattern: /\b(?:TODO|FIXME|XXX)\b/, planted: '// TODO: later' },
  {
    name: 'a test that runs alone',
    appliesTo: TEST,
    pattern: /\b(?:it|test|describe)\.only\b/,
    planted: 'it.only(',
  },
  {
    name: 'a test skipped without a reason',
    appliesTo: TEST,
    pattern: /\b(?:it|test|describe)\.(?:skip|todo)\b(?!If)|\.skip\(\s*\)/,
    planted: "it.skip('x', () => {})",
  },
  {
    name: 'a lenient HTTP parser',
    appliesTo: TYPESCRIPT,
    pattern: /insecureHTTPParser|insecure-http-parser/,
    planted: 'createServer({ insecureHTTPParser: true })',
  },
  {
    name: 'a request target given to new URL()',
    appliesTo: TYPESCRIPT,
    pattern: /\bnew URL\(\s*(?:\w+\.)*(?:req|request|message|incoming)\.(?:url|target)\b/,
    planted: "new URL(req.url, 'http://localhost')",
  },
  {
    name: 'TLS without verification',
    appliesTo: /^(?!test\/).*\.(?:ts|json|ya?ml)$/,
    pattern: /rejectUnauthorized['"]?\s*[:=]\s*false|NODE_TLS_REJECT_UNAUTHORIZED/,
    planted: '{ rejectUnauthorized: false }',
  },
  { name: 'node:vm', appliesTo: TYPESCRIPT, pattern: /['"`](?:node:)?vm['"`]/, planted: "import 'node:vm'" },
  {
    name: 'code from text',
    appliesTo: TYPESCRIPT,
    pattern: /\beval\(|\bnew Function\(/,
    planted: "new Function('return 1')",
  },
  {
    name: 'a path of one machine',
    appliesTo: ANY,
    pattern: /(?:^|[\s"'`(=:])(?:\/(?:work|home|root|Users)\/|[A-Z]:\\Users\\)/m,
    planted: "'/home/someone/countersign'",
  },
  {
    name: 'a package registry',
    appliesTo: ANY,
    pattern: /\b(?:registry|npm|artifactory|nexus)\.[a-z0-9-]+\.[a-z]{2,}\b|^\s*registry\s*=/im,
    planted: 'https://registry.npmjs.org/jose',
  },
  {
    name: 'a private key',
    appliesTo: /^(?!test\/)/,
    pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}/,
    planted: `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}`,
  },
];

const problemsOf = ({ path, text }: SourceFile): string[] =>
  RULES.filter(({ appliesTo, pattern }) => appliesTo.test(path) && !OWN.test(path) && pattern.test(text)).map(
    ({ name }) => name,
  );

function isTooLong({ path, text }: SourceFile): boolean {
  const linesMax = TEST.test(path) ? TEST_LINES_MAX : LINES_MAX;
  return TYPESCRIPT.test(path) && text.trimEnd().split('\n').length > linesMax;
}

describe('the style test', () => {
  it.each(RULES)('catches $name', ({ name, planted }) => {
    for (const path of ['src/http/x.ts', 'test/unit/x.test.ts'])
      if (RULES.find((rule) => rule.name === name)?.appliesTo.test(path))
        expect(problemsOf({ path, text: `const a = 1;\n${planted}\n` })).toEqual([name]);
  });

  it.each([
    ['src/a.ts', LINES_MAX],
    ['test/a.test.ts', TEST_LINES_MAX],
  ])('catches a %s of more than %d lines', (path, linesMax) => {
    expect(isTooLong({ path, text: 'a\n'.repeat(linesMax + 1) })).toBe(true);
    expect(isTooLong({ path, text: 'a\n'.repeat(linesMax) })).toBe(false);
  });

  it('lets pass what only looks like a breach', () => {
    const text =
      "describe.skipIf(cases === null)('x');\ncontext.skip('no openssl');\nconst url = new URL(jwksUri);";
    expect(problemsOf({ path: 'test/unit/x.test.ts', text })).toEqual([]);
  });
});

const files = trackedFiles();

describe.skipIf(files === null)('tracked files', () => {
  it('keep the rules', () => {
    const problems = files?.flatMap((file) => problemsOf(file).map((problem) => `${file.path}: ${problem}`));
    expect(problems).toEqual([]);
  });

  it('are short enough to be read', () => {
    expect(files?.filter(isTooLong).map(({ path }) => path)).toEqual([]);
  });

  it('of src/ begin with a sentence on what they do', () => {
    const silent = files?.filter(
      ({ path, text }) => /^src\/.*\.ts$/.test(path) && !/^(?:#!.*\n)?\/\*\*/.test(text),
    );
    expect(silent?.map(({ path }) => path)).toEqual([]);
  });
});

describe('package-lock.json', () => {
  const resolvesTo = (lock: string) =>
    [...lock.matchAll(/"resolved":\s*"([^"]*)"/g)].map((found) => found[1]);

  it('names no host: packages come from the registry of whoever installs them', () => {
    expect(resolvesTo('{ "resolved": "https://mirror.example/jose.tgz" }')).toHaveLength(1);
    expect(resolvesTo(readRepositoryFile('package-lock.json'))).toEqual([]);
  });

  it('pins every package by its hash, but for builds of development tools that Linux with glibc never installs', () => {
    const loose = lockedPackages().filter(
      ([path, entry]) => path !== '' && !/^sha512-/.test(entry.integrity ?? '') && !isForeignTool(entry),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  it('has an entry for every build of a package, on whatever platform: `npm ci` refuses to install without', () => {
    const packages = new Map(lockedPackages());
    const missing = [...packages.values()]
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !packages.has(`node_modules/${name}`));
    expect(missing).toEqual([]);
  });
});

interface LockedPackage {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function lockedPackages(): [string, LockedPackage][] {
  return Object.entries<LockedPackage>(JSON.parse(readRepositoryFile('package-lock.json')).packages);
}

/** CI, the image and most developers run on Linux with glibc; a Mac fetches its own build of a linter unpinned. */
function isForeignTool({ dev, optional, os, cpu, libc }: LockedPackage): boolean {
  const isHome =
    os?.includes('linux') === true && /x64|arm64/.test(String(cpu)) && libc?.includes('musl') !== true;
  return dev === true && optional === true && os !== undefined && !isHome;
}
