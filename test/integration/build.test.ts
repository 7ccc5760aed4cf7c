/** The program as `npm run build` makes it: what the package and the image hold. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '../..');
const BUILD_TIMEOUT_MS = 60_000;
const manifest: {
  version: string;
  bin: { countersign: string };
  files: string[];
  scripts: { build: string };
} = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The Node that runs this test. The environment is what is given and nothing else. */
function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('the built program', () => {
  let folder: string;
  const program = (...args: string[]) => [join(folder, manifest.bin.countersign), ...args];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-build-'));
    cpSync(join(REPOSITORY, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
    const [compiler = '', ...args] = manifest.scripts.build.split(' ');
    const inFolder = args.map((arg) => (arg.endsWith('.json') ? join(REPOSITORY, arg) : arg));
    const tsc = join(REPOSITORY, 'node_modules/typescript/bin', compiler);
    const { code, stdout } = await runNode([tsc, ...inFolder, '--outDir', join(folder, 'dist')]);
    expect(stdout).toBe('');
    expect(code).toBe(0);
  }, BUILD_TIMEOUT_MS);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('prints the version of the package', async () => {
    const { stdout, stderr } = await runNode(program('version'));
    expect(stdout).toBe(`countersign ${manifest.version} (Node ${process.versions.node})\n`);
    expect(stderr).toBe('');
  });

  it('checks a configuration', async () => {
    const example = join(REPOSITORY, 'config/examples/fusion/countersign.yaml');
    const secret = { FUSION_JWT_SECRET: 'a secret of this test, long enough for HS256' };
    const { code, stdout } = await runNode(program('check', example), secret);
    expect(stdout).toContain(': ok, 1 realm, 2 routes');
    expect(code).toBe(0);
  });

  it('tells by its exit code that a configuration is not in order', async () => {
    const { code, stderr } = await runNode(program('check', join(folder, 'none.yaml')));
    expect(stderr).toContain('cannot be read');
    expect(code).not.toBe(0);
  });

  it('can be run by its name: the file that `bin` names begins with the line that finds Node', () => {
    const text = readFileSync(join(folder, manifest.bin.countersign), 'utf8');
    expect(text).toMatch(/^#!\/usr\/bin\/env (?:-S )?node /);
  });

  it('is in the package, with the examples and the threat model', () => {
    expect(manifest.files).toEqual(
      expect.arrayContaining(['dist', 'config', 'docs', 'SECURITY.md', 'LICENSE']),
    );
  });
});
