import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { fusionRealm, PLACES, withRealms } from '../support/fusion.ts';
import { startIdp } from '../support/idp.ts';
import { until } from '../support/serve.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Every write to it fails as on a full disk. */
const FULL = '/dev/full';
const hasFullDevice = existsSync(FULL);
if (!hasFullDevice) process.stdout.write(`skipped: this system has no ${FULL}\n`);

let folder: string;
let child: ChildProcess;
let proxy: string;
let ops: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-log-'));
  [proxy, ops] = [await freeAddress(), await freeAddress()];
  const yaml = withRealms([fusionRealm()]).replaceAll('upstream: echo', 'upstream: builtin:echo');
  const listeners = `{ proxy: { bind: "${proxy}" }, ops: { bind: "${ops}" } }`;
  writeFileSync(join(folder, 'countersign.yaml'), `version: 1\nlisteners: ${listeners}\n${yaml}`);
});
afterEach(() => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Free now: a gateway without a log cannot tell which port it was given. */
async function freeAddress(): Promise<string> {
  const placeholder = await startIdp();
  await placeholder.close();
  return new URL(placeholder.issuer).host;
}

/** Standard error so far, of the gateway with this standard output. */
async function serve(stdout: number | 'pipe'): Promise<() => string> {
  child = spawn(process.execPath, [MAIN, 'serve', join(folder, 'countersign.yaml')], {
    env: { BACKEND: 'http://127.0.0.1:9' },
    stdio: ['ignore', stdout, 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  await until(async () => (await fetch(`http://${ops}/readyz`).catch(() => null))?.status === 200);
  return () => stderr;
}

async function status(path: string): Promise<number> {
  const answer = await fetch(`http://${proxy}${path}`, { headers: { Authorization: `Bearer ${t1()}` } });
  await answer.arrayBuffer();
  return answer.status;
}

describe('a log that cannot be written', () => {
  it.skipIf(!hasFullDevice)(
    'to a full disk is said once, and stops neither requests nor the end (O04)',
    async () => {
      const full = openSync(FULL, 'w');
      const stderr = await serve(full);
      closeSync(full);
      await until(() => stderr() !== '');
      expect(await status(PLACES)).toBe(200);
      const exited = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      expect(await exited).toBe(0);
      expect(stderr()).toBe('countersign: the log cannot be written: ENOSPC\n');
    },
  );

  it('to a reader that stopped reading stops no request; what is lost is counted (O04)', async () => {
    await serve('pipe');
    const long = `${PLACES}/${'x'.repeat(7000)}`;
    const lost = async () => {
      const metrics = await (await fetch(`http://${ops}/metrics`)).text();
      return Number(/^countersign_log_lines_lost_total (\d+)$/m.exec(metrics)?.[1] ?? 0);
    };
    await until(async () => {
      const statuses = await Promise.all(Array.from({ length: 50 }, () => status(long)));
      expect(new Set(statuses)).toEqual(new Set([200]));
      return (await lost()) > 0;
    });
  });
});
