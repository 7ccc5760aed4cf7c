import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../../src/jwt/directory-lock.ts';
import { until } from '../../support/serve.ts';

let directory: string;
let lock: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-lock-'));
  lock = join(directory, 'keys.lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a holder of this process writes about itself. */
async function ownLock(): Promise<Record<string, unknown>> {
  return await withLock(directory, () => Promise.resolve(JSON.parse(readFileSync(lock, 'utf8'))));
}

/** The lock of another process, as it left it. */
async function leaveLock(changes: object): Promise<void> {
  writeFileSync(lock, JSON.stringify({ ...(await ownLock()), id: randomUUID(), ...changes }));
}

/** The file whose maker may remove the lock as it is now, and nobody else. */
function permissionFor(path: string): string {
  const { ino, mtimeMs } = statSync(path);
  const seen = `${ino} ${mtimeMs} ${readFileSync(path, 'utf8')}`;
  return `${lock}.${createHash('sha256').update(seen).digest('hex')}`;
}

/** The number of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

/** A process that holds the lock until it is killed, and says so once it does. */
function holder() {
  const module = join(import.meta.dirname, '../../../src/jwt/directory-lock.ts');
  const program = `import { withLock } from ${JSON.stringify(module)};
    await withLock(process.argv[1], () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));`;
  return spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Whether it waits for a holder, through ten tries: waiting is counted in tries, however long each takes. */
async function waits(): Promise<boolean> {
  const times = { waitMs: 50, retryMs: 5, beatMs: 1000, silenceMs: Infinity };
  return await withLock(directory, () => Promise.resolve(false), times).catch((error: unknown) => {
    if (String(error).includes('is held by another process')) return true;
    throw error;
  });
}

/** Rejects where the lock is not let go, however silent its holder is. */
async function takeOver(): Promise<void> {
  const times = { waitMs: 5000, retryMs: 10, beatMs: 1000, silenceMs: Infinity };
  await withLock(directory, () => Promise.resolve(), times);
}

describe('withLock()', () => {
  it('lets one change run at a time, in one process too', async () => {
    let running = 0;
    const change = async () => {
      running += 1;
      expect(running).toBe(1);
      await delay(5);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLock(directory, change)));
  });

  it('lets go when the change fails, and leaves nothing behind', async () => {
    await expect(withLock(directory, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await takeOver();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over at once where the holder is dead', async () => {
    await leaveLock({ pid: deadPid() });
    await takeOver();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over from an earlier process of the same number, as a restarted container has', async () => {
    await leaveLock({});
    await takeOver();
  });

  it('is taken over by one of many', async () => {
    await leaveLock({ pid: deadPid() });
    let running = 0;
    const change = async () => {
      running += 1;
      expect(running).toBe(1);
      await delay(2);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => withLock(directory, change)));
    expect(readdirSync(directory)).toEqual([]);
  });

  it('waits for a process that holds it, and takes over at once when that was killed', async () => {
    const child = holder();
    await once(child.stdout, 'data');
    expect(await waits()).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await takeOver();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'takes over where the number of the dead holder is that of another process now',
    async () => {
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
      const { started } = await ownLock();
      await leaveLock({ pid: child.pid, started: `${Number(started) - 1}` });
      await takeOver();
      child.kill('SIGKILL');
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'waits for a holder on another machine of the same name, whose processes nobody here can see',
    async () => {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const machine = String((await ownLock())['machine']).replace(boot, randomUUID());
      await leaveLock({ pid: deadPid(), machine });
      expect(await waits()).toBe(true);
    },
  );

  it('waits for a holder that lives, where the lock does not say since when', async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    await leaveLock({ pid: child.pid, started: null });
    expect(await waits()).toBe(true);
    child.kill('SIGKILL');
  });

  it.each([
    ['of another machine', { machine: 'elsewhere pid:[1]', pid: 2 ** 30 }],
    ['without a number', { pid: 'none' }],
    ['with the number 0, which is every process of the group', { pid: 0 }],
    ['with a negative number', { pid: -1 }],
    ['whose id is a path', { id: '../../../../etc/passwd', pid: 2 ** 30 }],
  ])('waits for a holder %s', async (_what, changes) => {
    await leaveLock(changes);
    expect(await waits()).toBe(true);
  });

  it.each(['', '{', '[]', 'null', '12345'])('waits where the lock says %j', async (text) => {
    writeFileSync(lock, text);
    expect(await waits()).toBe(true);
  });

  it('leaves the lock of who was faster alone', async () => {
    await leaveLock({ pid: deadPid() });
    // Somebody else is about to remove it.
    writeFileSync(permissionFor(lock), '');
    expect(await waits()).toBe(true);
  });

  it('takes over at once where one before it died within its takeover, and one within that of the takeover', async () => {
    await leaveLock({ pid: deadPid() });
    const dead = readFileSync(lock, 'utf8');
    const permission = permissionFor(lock);
    writeFileSync(permission, dead);
    writeFileSync(permissionFor(permission), dead);
    await takeOver();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['a lock of a dead process', () => ({ pid: deadPid() })],
    ['a silent lock of another machine', () => ({ machine: 'elsewhere pid:[1]' })],
  ])('takes over %s where one elsewhere died within its takeover, in one silence', async (_what, changes) => {
    await leaveLock(changes());
    writeFileSync(permissionFor(lock), '');
    let hasRun = false;
    const change = () => {
      hasRun = true;
      return Promise.resolve();
    };
    await withLock(directory, change, { waitMs: 300, retryMs: 10, beatMs: 20, silenceMs: 200 });
    expect([hasRun, readdirSync(directory)]).toEqual([true, []]);
  });

  it.each([
    ['of a container that was restarted', { machine: 'same-name pid:[4026531999]' }],
    ['that wrote nothing', null],
  ])('takes over from a holder %s, once it has shown no life for long', async (_what, changes) => {
    if (changes === null) writeFileSync(lock, '');
    else await leaveLock(changes);
    let hasRun = false;
    const change = () => {
      hasRun = true;
      return Promise.resolve();
    };
    await withLock(directory, change, { waitMs: 5000, retryMs: 10, beatMs: 20, silenceMs: 200 });
    expect([hasRun, readdirSync(directory)]).toEqual([true, []]);
  });

  it('shows life as long as it holds, so that nobody takes over from a holder on another machine', async () => {
    const times = { waitMs: 2000, retryMs: 10, beatMs: 20, silenceMs: 1000 };
    const { promise: end, resolve } = Promise.withResolvers<void>();
    const holding = withLock(directory, () => end, times);
    await until(() => existsSync(lock));
    await expect(withLock(directory, () => Promise.resolve(), times)).rejects.toThrow(
      'held by another process',
    );
    resolve();
    await holding;
  });

  it('tells a holder that was taken for dead before it writes, and leaves the lock of the other one', async () => {
    const other = JSON.stringify({ id: randomUUID(), pid: 1, machine: 'elsewhere' });
    await withLock(directory, async ({ requireHeld }) => {
      await requireHeld();
      rmSync(lock);
      writeFileSync(lock, other);
      await expect(requireHeld()).rejects.toThrow('was taken by another process meanwhile');
    });
    expect(readFileSync(lock, 'utf8')).toBe(other);
  });
});
