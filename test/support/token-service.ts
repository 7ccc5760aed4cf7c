/** A whole token service for test files: a real store of its own, removed with them. */
import { afterAll } from 'vitest';
import { type FakeClock, fakeClock } from './clock.ts';
import {
  type ComposedTokenService,
  type ComposeOptions,
  composeTokenService,
} from './compose-token-service.ts';
import { type TestDatabase, testDatabase } from './store.ts';
import { addFixtures } from './token-fixtures.ts';

export type TestTokenService = ComposedTokenService;

export interface TestTokenServiceOptions extends ComposeOptions {
  /** Without it, an empty SQLite file that is removed after the test file. */
  readonly database?: Pick<TestDatabase, 'open'>;
  readonly clock?: FakeClock;
}

/** One process's service on the database, without fixtures. */
export async function joinTestTokenService({
  clock = fakeClock(),
  database,
  ...options
}: TestTokenServiceOptions = {}): Promise<TestTokenService> {
  const store = await (database ?? (await ownDatabase())).open({ clock });
  return await composeTokenService(store, clock, options);
}

/** With the fixtures of the acceptance rows. */
export async function testTokenService(options: TestTokenServiceOptions = {}): Promise<TestTokenService> {
  const opened = await joinTestTokenService(options);
  await addFixtures(opened.service);
  return opened;
}

async function ownDatabase(): Promise<TestDatabase> {
  const database = await testDatabase('sqlite');
  afterAll(() => database.remove());
  return database;
}
