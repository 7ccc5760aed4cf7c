import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openMasterKey } from '../../../src/app/master-key.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'countersign-key-'));
  folders.push(made);
  return join(made, 'data');
};
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

describe('openMasterKey()', () => {
  it('makes a key once, long enough to seal with, for its owner only', async () => {
    const dataDir = folder();
    const key = await openMasterKey(dataDir);
    expect(await openMasterKey(dataDir)).toEqual(key);
    expect(() => createSealer(key)).not.toThrow();
    expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['master.key']);
  });

  it('gives one key to all who start at once', async () => {
    const dataDir = folder();
    const keys = await Promise.all(Array.from({ length: 20 }, () => openMasterKey(dataDir)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString())).size).toBe(1);
  });

  it('takes one that an operator has put there, without its line break', async () => {
    const dataDir = folder();
    await openMasterKey(dataDir);
    writeFileSync(join(dataDir, 'master.key'), 'an operator’s own key of many characters\r\n');
    expect(Buffer.from(await openMasterKey(dataDir)).toString()).toBe(
      'an operator’s own key of many characters',
    );
  });
});
