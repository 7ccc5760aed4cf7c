/** Tortures that are broken off leave no process and no file behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresPrograms } from '../support/postgres-server.ts';
import { until } from '../support/serve.ts';

const ROOT = join(import.meta.dirname, '../..');
const PATIENCE_MS = 120_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-broken-off-'));
  chmodSync(folder, 0o711); // PostgreSQL's own user passes through
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Null where it ended meanwhile. */
function processOf(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return null;
    return { pid, parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    return null;
  }
}

/** All below the process. */
function descendantsOf(pid: number): readonly Process[] {
  const all = readdirSync('/proc')
    .map((name) => (/^\d+$/.test(name) ? processOf(Number(name)) : null))
    .filter((one) => one !== null);
  const below = (parent: number): Process[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

const hasPostgres = postgresPrograms() !== null;

describe.skipIf(process.platform !== 'linux')('a program that starts others', () => {
  it.for<[what: string, args: string[], child: RegExp, isSkipped: boolean]>([
    ['a torture of the gateway', ['scripts/torture.ts', 'reload', '1000'], /serve/, false],
    ['a torture of the stores', ['scripts/torture.ts', 'kill', '1000'], /store-child/, !hasPostgres],
  ])(
    'ends them with itself, and takes its files away: %s',
    { timeout: PATIENCE_MS },
    async ([, args, child, isSkipped], { skip }) => {
      skip(isSkipped, 'PostgreSQL is not installed');
      const program = spawn(process.execPath, args, {
        cwd: ROOT,
        env: { ...process.env, TMPDIR: folder },
        stdio: 'ignore',
      });
      const pid = program.pid ?? 0;
      const hasBegun = () => descendantsOf(pid).some(({ command }) => child.test(command));
      await until(() => hasBegun() || program.exitCode !== null);
      const begun = descendantsOf(pid).map((one) => one.pid);
      program.kill('SIGTERM');
      expect(await once(program, 'exit')).toEqual([143, null]);
      await until(() => begun.every((one) => processOf(one) === null));
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
