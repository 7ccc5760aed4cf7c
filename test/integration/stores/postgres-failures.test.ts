import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/core/log.ts';
import { openPostgresStore } from '../../../src/stores/postgres/open.ts';
import { type Store, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { fakeClock } from '../../support/clock.ts';
import { STORE_SEALER } from '../../support/open-store.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '../../support/postgres-server.ts';
import { aUser, storedRefreshToken } from '../../support/stored-objects.ts';

const hasServer = postgresPrograms() !== null;
const PATIENCE_MS = 60_000;
/** Of one statement, so that a server that stands still is given up soon. */
const STATEMENT_TIMEOUT_MS = 500;

/** A server that a test can stop: the shared one serves others. */
describe.skipIf(!hasServer)('a PostgreSQL store', () => {
  let server: PostgresServer | undefined;
  let store: Store;
  const said: string[] = [];
  const say = (message: string, fields: object = {}) => void said.push(message + JSON.stringify(fields));
  const log: Logger = { debug: say, info: say, warn: say, error: say };
  const clock = fakeClock();
  const running = () => {
    if (server === undefined) throw new Error('not started');
    return server;
  };
  const open = (url = running().url('postgres')) =>
    openPostgresStore({ url, clock, log, sealer: STORE_SEALER, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const eventually = async (assertion: () => Promise<void>) => {
    for (let tries = 0; ; tries++)
      try {
        return await assertion();
      } catch (error) {
        if (tries === 100) throw error;
        await new Promise((wait) => setTimeout(wait, 100));
      }
  };

  beforeAll(async () => {
    server = await startPostgres(mkdtempSync(join(tmpdir(), 'countersign-pg-')));
    store = await open();
  }, PATIENCE_MS);
  afterAll(async () => {
    await store?.close();
    await server?.remove();
  });

  it(
    'JWT-S91 T08 is unavailable while the server is stopped, and goes on by itself when it is back',
    async () => {
      const token = await storedRefreshToken(store);
      await running().stop();
      const asked = [
        store.ping(),
        store.refreshTokens.get(token.id),
        store.users.insert(aUser()),
        store.transaction(({ users }) => users.insert(aUser())),
      ];
      await Promise.all(asked.map((one) => expect(one).rejects.toThrow(StoreUnavailableError)));
      await running().start();
      await eventually(() => store.ping());
      expect(await store.refreshTokens.get(token.id)).toEqual(token);
    },
    PATIENCE_MS,
  );

  it(
    'T08 whose server ends within a transaction is unavailable, and keeps nothing of it',
    async () => {
      const user = aUser();
      const work = store.transaction(async ({ users }) => {
        await users.insert(user);
        await running().stop();
        await users.insert(aUser());
      });
      await expect(work).rejects.toThrow(StoreUnavailableError);
      await running().start();
      await eventually(async () => expect(await store.users.get(user.id)).toBeNull());
    },
    PATIENCE_MS,
  );

  it(
    'T08 whose server stands still is unavailable after the statement’s time, and goes on when it moves again',
    async () => {
      await store.ping();
      const pids = [String(running().pid()), ...childrenOf(running().pid())];
      execFileSync('kill', ['-STOP', ...pids]);
      try {
        await expect(store.users.insert(aUser())).rejects.toThrow(StoreUnavailableError);
      } finally {
        execFileSync('kill', ['-CONT', ...pids]);
      }
      await eventually(() => store.ping());
    },
    PATIENCE_MS,
  );

  it(
    'gives up a statement that takes too long, by the server’s clock, and uses the connection again',
    async () => {
      const other = await open();
      const user = aUser();
      await store.users.insert(user);
      await other.transaction(async ({ users }) => {
        await users.get(user.id, { lock: true });
        await expect(store.users.update(user)).rejects.toThrow(/SQLSTATE 57014/);
      });
      expect(await store.users.update(user)).toBe(true);
      await other.close();
    },
    PATIENCE_MS,
  );

  it(
    'gives a revocation, which may be of a million tokens, more time than that',
    async () => {
      const other = await open();
      const token = await storedRefreshToken(store);
      const isHeld = Promise.withResolvers<void>();
      const holding = other.transaction(async ({ refreshTokens }) => {
        await refreshTokens.touch(token.id, token.lookup, token);
        isHeld.resolve();
        await new Promise((wait) => setTimeout(wait, 2 * STATEMENT_TIMEOUT_MS));
      });
      await isHeld.promise;
      expect((await store.refreshTokens.revoke({ id: token.id }, clock())).count).toBe(1);
      await holding;
      await other.close();
    },
    PATIENCE_MS,
  );

  it(
    'hears notices again after the server was away',
    async () => {
      let notices = 0;
      const end = store.onNotice(() => notices++);
      await eventually(async () => expect(notices).toBeGreaterThan(0));
      await running().stop();
      await running().start();
      await eventually(() => store.ping());
      await eventually(async () =>
        expect(said.join()).toContain('the connection for notices of the store broke'),
      );
      await new Promise((wait) => setTimeout(wait, 2500)); // it listens again, and has told what was before
      const other = await open();
      notices = 0;
      const { id } = await storedRefreshToken(other);
      await other.refreshTokens.revoke({ id }, clock());
      await eventually(async () => expect(notices).toBe(1));
      end();
      await other.close();
    },
    PATIENCE_MS,
  );

  it('T15 shows its password in no error and no log line', async () => {
    const { password } = running();
    const url = new URL(running().url('postgres'));
    const urls = [
      running().url('nowhere'),
      Object.assign(new URL(url), { username: 'nobody' }).href,
      Object.assign(new URL(url), { port: '1' }).href,
      Object.assign(new URL(url), { search: 'sslmode=verify-full' }).href,
      Object.assign(new URL(url), { search: 'sslmode=maybe' }).href,
    ];
    for (const bad of urls) {
      const error = await open(bad).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(Error);
      if (error instanceof Error) said.push(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`);
    }
    expect(said.join('\n')).not.toContain(password);
    expect(said.join('\n')).not.toContain('postgres://');
  });

  it('is unavailable once it is closed', async () => {
    const closed = await open();
    await closed.close();
    await closed.close();
    await expect(closed.ping()).rejects.toThrow(StoreUnavailableError);
  });
});

function childrenOf(pid: number): string[] {
  return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
}
