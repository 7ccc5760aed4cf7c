/** A whole token service for tests: a real store, real keys, a clock of the test's, events that are only written down. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll } from 'vitest';
import { keyFactory } from '../../src/app/token-keys.ts';
import { createTokenSigning } from '../../src/app/token-signing.ts';
import { openCatalogFeed } from '../../src/tokens/catalog-feed.ts';
import type { Lambdas, ServiceEvent } from '../../src/tokens/ports.ts';
import { openRevocationFeed } from '../../src/tokens/revocation-feed.ts';
import { createSealer } from '../../src/tokens/sealing.ts';
import type { TokenService } from '../../src/tokens/service.ts';
import { type FakeClock, fakeClock } from './clock.ts';
import { silentLog } from './open-store.ts';
import { fakeScheduler } from './scheduler.ts';
import { type TestDatabase, testDatabase } from './store.ts';
import { addFixtures } from './token-fixtures.ts';

export interface TestTokenService {
  readonly service: TokenService;
  readonly clock: FakeClock;
  /** Those whose change was committed, in order. */
  readonly events: ServiceEvent[];
}

export interface TestTokenServiceOptions {
  /** Without it, an empty SQLite file that is removed after the test file. */
  readonly database?: Pick<TestDatabase, 'open'>;
  readonly clock?: FakeClock;
  readonly lambdas?: Partial<Lambdas>;
  /** Replaces parts of the service. */
  readonly parts?: Partial<TokenService>;
}

/** One master key for all services of a test file, so that several on one database understand each other. */
const sealer = createSealer(randomBytes(32));

const noLambdas: Lambdas = {
  populate: async (_, { claims }) => claims,
  reconcile: async (_, { user, registration }) => ({ user, registration }),
};

/** One process's service on the database, without fixtures. */
export async function joinTestTokenService(options: TestTokenServiceOptions = {}): Promise<TestTokenService> {
  const { clock = fakeClock(), database = await ownDatabase() } = options;
  const store = await database.open({ clock });
  const feeds = { store, clock, schedule: fakeScheduler(clock).schedule, log: silentLog };
  const catalog = await openCatalogFeed(feeds);
  const events: ServiceEvent[] = [];
  const service: TokenService = {
    store,
    catalog: () => catalog.catalog(),
    refreshCatalog: () => catalog.refresh(),
    clock,
    random: { uuid: () => randomUUID(), token: (bytes) => randomBytes(bytes).toString('base64url') },
    sealer,
    keys: keyFactory,
    ...createTokenSigning(sealer),
    revocations: await openRevocationFeed(feeds),
    events: { prepare: async (event) => ({ record: async () => void events.push(event) }) },
    lambdas: { ...noLambdas, ...options.lambdas },
    log: silentLog,
    ...options.parts,
  };
  return { service, clock, events };
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
