import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { type Store, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { openStoreAt } from '../../support/open-store.ts';
import { testDatabase } from '../../support/store.ts';
import { aUser, NOW_MS, storedRefreshToken } from '../../support/stored-objects.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function open() {
  const database = await testDatabase('sqlite');
  cleanUps.push(() => database.remove());
  return { ...database, store: await database.open() };
}

const large = (characters: number) => aUser({ data: { filler: 'x'.repeat(characters) } });

/** A file system of its own, so small that it is soon full. Null where mounting is not allowed. */
function smallFileSystem(): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'none', directory], { stdio: 'ignore' });
  } catch {
    rmSync(directory, { recursive: true });
    process.stdout.write('skipped: no file system can be mounted here, none is full\n');
    return null;
  }
  cleanUps.push(() => {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Bytes at which files of this process end, `unlimited` again afterwards. */
function limitFiles(maxBytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${maxBytes}:unlimited`]);
}

async function writeUntilItFails(store: Store): Promise<unknown> {
  for (let users = 0; users < 1000; users++)
    try {
      await store.users.insert(large(20_000));
    } catch (error) {
      return error;
    }
  return 'nothing failed';
}

describe('a SQLite store', () => {
  it('T08 on a full disk is unavailable, loses nothing, and goes on when there is room', async (context) => {
    const directory = smallFileSystem();
    if (directory === null) return context.skip('mounting is not allowed');
    const store = await openStoreAt('sqlite', join(directory, 'countersign.db'));
    cleanUps.push(() => store.close());
    const before = await storedRefreshToken(store);
    writeFileSync(join(directory, 'other'), Buffer.alloc(200_000));
    expect(await writeUntilItFails(store)).toBeInstanceOf(StoreUnavailableError);
    const halves = store.transaction(async ({ users }) => {
      await users.insert(aUser());
      await users.insert(large(2_000_000));
    });
    await expect(halves).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await store.refreshTokens.get(before.id)).toEqual(before);
    rmSync(join(directory, 'other'));
    const user = aUser();
    await store.users.insert(user);
    expect(await store.users.get(user.id)).toEqual(user);
  });

  it('T08 that cannot write is unavailable, keeps nothing by halves, and goes on when it can', async () => {
    const { store, address } = await open();
    const token = await storedRefreshToken(store);
    limitFiles(statSync(`${address}-wal`).size + 4096);
    const [first, second] = [aUser(), large(100_000)];
    const work = store.transaction(async ({ users, refreshTokens }) => {
      await users.insert(first);
      await refreshTokens.revoke({ id: token.id }, NOW_MS);
      await users.insert(second);
    });
    try {
      await expect(work).rejects.toBeInstanceOf(StoreUnavailableError);
    } finally {
      limitFiles('unlimited');
    }
    expect(await store.users.get(first.id)).toBeNull();
    expect(await store.refreshTokens.get(token.id)).toEqual(token);
    await store.users.insert(second);
    expect(await store.users.get(second.id)).toEqual(second);
  });

  it('T08 tells all that shared the commit that failed, and keeps none of them', async () => {
    const { store, address } = await open();
    await store.users.insert(aUser());
    limitFiles(statSync(`${address}-wal`).size + 30_000);
    const users = Array.from({ length: 20 }, () => large(10_000));
    let results: PromiseSettledResult<void>[] = [];
    try {
      results = await Promise.allSettled(users.map((user) => store.users.insert(user)));
    } finally {
      limitFiles('unlimited');
    }
    const kept = await Promise.all(users.map(async ({ id }) => (await store.users.get(id)) !== null));
    expect(kept).toEqual(results.map(({ status }) => status === 'fulfilled'));
    expect(kept).toContain(false);
  });

  it('waits for the transaction of another process, and is unavailable when that takes too long', async () => {
    const { store, address } = await open();
    const other = new DatabaseSync(address);
    cleanUps.push(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const user = aUser();
    const waiting = store.users.insert(user);
    await new Promise((wait) => setTimeout(wait, 300));
    other.exec('COMMIT');
    await waiting;
    other.exec('BEGIN IMMEDIATE');
    await expect(store.users.insert(aUser())).rejects.toThrow(/locked by another process/);
    expect(await store.users.get(user.id)).toEqual(user);
    other.exec('ROLLBACK');
    await store.users.insert(aUser());
  });

  it('leaves the event loop free while it waits', async () => {
    const { store, address } = await open();
    const other = new DatabaseSync(address);
    cleanUps.push(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const counting = setInterval(() => turns++, 5);
    const waiting = store.users.insert(aUser());
    await new Promise((wait) => setTimeout(wait, 200));
    clearInterval(counting);
    other.exec('COMMIT');
    await waiting;
    expect(turns).toBeGreaterThan(5);
  });

  it('is unavailable once it is closed', async () => {
    const { store } = await open();
    await store.close();
    await expect(store.ping()).rejects.toThrow(StoreUnavailableError);
    await expect(store.users.insert(aUser())).rejects.toThrow(StoreUnavailableError);
  });
});

describe('openSqliteStore()', () => {
  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['another kind of file', (path: string) => writeFileSync(path, 'x'.repeat(5000))],
  ])('says that it cannot open %s', async (_what, make) => {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
    cleanUps.push(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'countersign.db');
    make(file);
    await expect(openStoreAt('sqlite', file)).rejects.toThrow(StoreUnavailableError);
  });

  it('says that it cannot make a file where none can be', async () => {
    await expect(openStoreAt('sqlite', '/dev/null/data/countersign.db')).rejects.toThrow(
      StoreUnavailableError,
    );
  });
});
