/** What the runtime is built on: few packages, each with a reason, none with a native build. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRepositoryFile } from '../support/sources.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

const ROOT = join(import.meta.dirname, '../..');
const DEPENDENCIES_MAX = 13; // each one is code that a reviewer has to trust; two are only loaded by `import`
const NODE = [24, 18, 1]; // the oldest that `engines` of package.json admits

const manifest: { dependencies: Record<string, string>; engines: { node: string } } = JSON.parse(
  readRepositoryFile('package.json'),
);
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(readRepositoryFile('package-lock.json'));
const runtime = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);

/** Enough of npm's range grammar for `engines`: alternatives of comparators, `^`, `~` and bare versions. */
function admits(range: string, version: readonly number[]): boolean {
  return range
    .split('||')
    .some((alternative) =>
      (alternative.replace(/([<>=^~]+)\s+/g, '$1').match(/\S+/g) ?? ['*']).every((one) =>
        meets(one, version),
      ),
    );
}

function meets(comparator: string, version: readonly number[]): boolean {
  const [, operator = '', text = ''] = /^([<>=^~]*)v?(.*)$/.exec(comparator) ?? [];
  const wanted = text
    .split('.')
    .map(Number)
    .filter((part) => !Number.isNaN(part));
  if (wanted.length === 0) return true;
  const order =
    wanted.map((part, index) => Math.sign((version[index] ?? 0) - part)).find((sign) => sign !== 0) ?? 0;
  const fixed = { '^': 1, '~': 2, '': wanted.length, '=': wanted.length }[operator];
  if (fixed !== undefined) {
    const isSameBranch = wanted.slice(0, fixed).every((part, index) => part === version[index]);
    return isSameBranch && order >= 0;
  }
  return operator.startsWith('>')
    ? order > 0 || (order === 0 && operator === '>=')
    : order < 0 || (operator === '<=' && order === 0);
}

describe('the range reader of this test', () => {
  it.each([
    ['>=18', true],
    ['>= 18', true],
    ['^20.19.0 || ^22.12.0 || >=24', true],
    ['20 || >=22', true],
    ['24', true],
    ['^24.0.0', true],
    ['~24.18.0', true],
    ['*', true],
    ['>=18 <25', true],
    ['>=25', false],
    ['^20 || ^22', false],
    ['<24', false],
    ['24.18.2', false],
    ['>24.18.1', false],
    ['>=18 <24', false],
  ])('%s admits Node 24.18.1: %s', (range, expected) => expect(admits(range, NODE)).toBe(expected));
});

describe('runtime packages', () => {
  it(`are at most ${DEPENDENCIES_MAX}, each pinned to one version`, () => {
    const versions = Object.values(manifest.dependencies);
    expect(versions.length).toBeLessThanOrEqual(DEPENDENCIES_MAX);
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('are all in the lock file', () => {
    const locked = new Set(runtime.map(([path]) => path));
    expect(Object.keys(manifest.dependencies).filter((name) => !locked.has(`node_modules/${name}`))).toEqual(
      [],
    );
    expect(runtime.length).toBeGreaterThanOrEqual(Object.keys(manifest.dependencies).length);
  });

  it('run on the Node that the project asks for', () => {
    expect(manifest.engines.node).toBe(`>=${NODE.join('.')}`);
    const others = runtime.filter(([, { engines }]) => !admits(engines?.node ?? '*', NODE));
    expect(others.map(([path]) => path)).toEqual([]);
  });

  it('have no native build and no install script', () => {
    const scripted = runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    const native = runtime.filter(([path]) => existsSync(join(ROOT, path, 'binding.gyp')));
    expect([...scripted, ...native].map(([path]) => path)).toEqual([]);
  });

  it('are each named with a reason in ARCHITECTURE.md', () => {
    const rows = readRepositoryFile('ARCHITECTURE.md').split('\n');
    const reasonless = Object.keys(manifest.dependencies).filter(
      (name) =>
        !rows.some((row) => row.startsWith(`| ${name} |`) && (row.split('|')[3] ?? '').trim().length > 20),
    );
    expect(reasonless).toEqual([]);
  });
});
