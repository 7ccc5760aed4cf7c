import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { fusionRealm, PLACES, withRealms } from '../support/fusion.ts';
import { startIdp } from '../support/idp.ts';
import { until } from '../support/serve.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Every write to it fails as on a full disk. */
const FULL = '/dev/full';
const hasFullDevice = existsSync(FULL);
if (!hasFullDevice) process.stdout.write(`skipped: this system has no ${FULL}\n`);

/** Free now, and for as long as nobody else asks: what listens there cannot tell it through its log. */
async function freePort(): Promise<string> {
  const placeholder = await startIdp();
  await placeholder.close();
  return new URL(placeholder.issuer).port;
}

describe.skipIf(!hasFullDevice)('a log that cannot be written', () => {
  it('is said once, stops no request, and does not keep the gateway from ending', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-log-'));
    const config = join(folder, 'countersign.yaml');
    const [proxy, ops] = [await freePort(), await freePort()];
    const listeners = `{ proxy: { bind: "127.0.0.1:${proxy}" }, ops: { bind: "127.0.0.1:${ops}" } }`;
    const yaml = withRealms([fusionRealm()]).replaceAll('upstream: echo', 'upstream: builtin:echo');
    writeFileSync(config, `version: 1\nlisteners: ${listeners}\n${yaml}`);
    const full = openSync(FULL, 'w');
    const child = spawn(process.execPath, [MAIN, 'serve', config], {
      env: { BACKEND: 'http://127.0.0.1:9' },
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    const exited = new Promise((resolve) => child.once('close', resolve));
    await until(() => stderr !== '');
    for (let index = 0; index < 3; index += 1) {
      const headers = { Authorization: `Bearer ${t1()}` };
      await until(async () => {
        const answer = await fetch(`http://127.0.0.1:${proxy}${PLACES}`, { headers }).catch(() => null);
        return answer?.status === 200;
      });
    }
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(stderr).toBe('countersign: the log cannot be written: ENOSPC\n');
    rmSync(folder, { recursive: true });
  });
});
