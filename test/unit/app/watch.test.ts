import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSources, type Sources, watch } from '../../../src/app/watch.ts';

let folder: string;
let sources: Sources;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-watch-'));
  sources = createSources();
});
afterEach(() => rmSync(folder, { recursive: true }));

const isChanged = async () => (await sources.fingerprint()) !== sources.notedFingerprint;

/** Notes a file with content in the folder of the test. */
function noted(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, 'one');
  sources.note(path);
  return path;
}

describe('createSources()', () => {
  it('sees no change where there is none', async () => {
    noted('a.yaml');
    expect(await isChanged()).toBe(false);
  });

  it('sees a file written again, with as many bytes', async () => {
    writeFileSync(noted('a.yaml'), 'two');
    expect(await isChanged()).toBe(true);
  });

  it('sees a file replaced by another', async () => {
    const path = noted('a.yaml');
    writeFileSync(`${path}.new`, 'one');
    renameSync(`${path}.new`, path);
    expect(await isChanged()).toBe(true);
  });

  it('sees a file go, and a missing one come', async () => {
    const path = noted('a.yaml');
    rmSync(path);
    expect(await isChanged()).toBe(true);
    sources.restart();
    sources.note(path);
    expect(await isChanged()).toBe(false);
    writeFileSync(path, 'one');
    expect(await isChanged()).toBe(true);
  });

  it('sees the swapped link of a mounted ConfigMap (GW-C02)', async () => {
    for (const version of ['..v1', '..v2']) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'countersign.yaml'), 'one');
    }
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/countersign.yaml', join(folder, 'countersign.yaml'));
    sources.note(join(folder, 'countersign.yaml'));
    symlinkSync('..v2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    expect(await isChanged()).toBe(true);
  });

  it('sees a change between the note and the look', async () => {
    const path = noted('a.yaml');
    writeFileSync(path, 'three');
    sources.note(join(folder, 'b.yaml'));
    expect(await isChanged()).toBe(true);
  });

  it('forgets files that are not read any more', async () => {
    const path = noted('a.yaml');
    sources.restart();
    writeFileSync(path, 'two');
    expect(await isChanged()).toBe(false);
  });
});

/** Fingerprints by script, one for each look: what is noted is `old`. */
function scripted(looks: string[]): Sources {
  return {
    restart: () => {},
    note: () => {},
    fingerprint: async () => looks.shift() ?? 'old',
    notedFingerprint: 'old',
  };
}

/** How often a change was acted on until the looks were used up. */
async function actionsOn(looks: string[], isOn = () => true): Promise<number> {
  let actions = 0;
  const onChange = async () => {
    actions += 1;
  };
  const stop = watch({ sources: scripted(looks), isOn, onChange, lookMs: 1 });
  await expect.poll(() => looks.length).toBe(0);
  stop();
  return actions;
}

describe('watch()', () => {
  it('acts on a change that lasts from one look to the next', async () => {
    expect(await actionsOn(['old', 'new', 'new', 'old', 'old'])).toBe(1);
  });

  it('waits while a file is still being written', async () => {
    expect(await actionsOn(['new', 'newer', 'newest', 'old', 'old'])).toBe(0);
  });

  it('does nothing about a change that was read meanwhile', async () => {
    expect(await actionsOn(['new', 'old', 'new', 'old'])).toBe(0);
  });

  it('takes no look while it is off', async () => {
    const looks = ['new', 'new', 'new'];
    let asked = 0;
    let actions = 0;
    const isOn = () => {
      asked += 1;
      return false;
    };
    const onChange = async () => {
      actions += 1;
    };
    const stop = watch({ sources: scripted(looks), isOn, onChange, lookMs: 1 });
    await expect.poll(() => asked).toBeGreaterThan(3);
    stop();
    expect({ actions, looks: looks.length }).toEqual({ actions: 0, looks: 3 });
  });

  it('takes no look while a change is being acted on', async () => {
    const looks = Array<string>(6).fill('new');
    let finish = () => {};
    let begun = 0;
    const onChange = () => {
      begun += 1;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    const stop = watch({ sources: scripted(looks), isOn: () => true, onChange, lookMs: 1 });
    await expect.poll(() => begun).toBe(1);
    expect(looks.length).toBe(4);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect({ begun, looks: looks.length }).toEqual({ begun: 1, looks: 4 });
    stop();
    finish();
  });
});
