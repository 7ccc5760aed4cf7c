/** Users with registrations and refresh tokens, put into the store of a running service past its API. */
import { randomBytes, randomUUID } from 'node:crypto';
import { openPostgresStore } from '../../src/stores/postgres/open.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import type { Sealer } from '../../src/tokens/ports.ts';
import { newRefreshTokenValue } from '../../src/tokens/refresh-token-value.ts';
import type { Store } from '../../src/tokens/store.ts';
import type { BenchDatabase } from './databases.ts';
import { ONE_TIME, REUSABLE, type RunningService, TENANT } from './service.ts';

/** Refresh tokens of as many users. */
export interface Sessions {
  readonly reusable: readonly string[];
  readonly oneTime: readonly string[];
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function openStore({ kind, address }: BenchDatabase, sealer: Sealer): Promise<Store> {
  const outside = { clock: Date.now, log: silent, sealer };
  return kind === 'sqlite'
    ? openSqliteStore({ file: address, ...outside })
    : openPostgresStore({ url: address, ...outside });
}

/** Users have the e-mail addresses of the tokens in fixtures.ts, `user-0@bench.example` and so on. */
export async function addUsers({ database, sealer }: RunningService, count: number): Promise<Sessions> {
  const store = await openStore(database, sealer);
  try {
    const users = await Promise.all(
      Array.from({ length: count }, (_, index) => addUser(store, sealer, index)),
    );
    return { reusable: users.map(({ reusable }) => reusable), oneTime: users.map(({ oneTime }) => oneTime) };
  } finally {
    await store.close();
  }
}

async function addUser(store: Store, sealer: Sealer, index: number) {
  const userId = randomUUID();
  const now = Date.now();
  const stamps = { insertInstant: now, lastUpdateInstant: now, lastLoginInstant: null };
  await store.users.insert({
    id: userId,
    tenantId: TENANT,
    email: `user-${index}@bench.example`,
    active: true,
    data: {},
    verified: true,
    verifiedInstant: now,
    passwordHash: null,
    ...stamps,
    registrations: [REUSABLE, ONE_TIME].map((applicationId) => ({
      id: randomUUID(),
      applicationId,
      roles: ['user'],
      data: {},
      verified: true,
      ...stamps,
    })),
  });
  const [reusable, oneTime] = await Promise.all(
    [REUSABLE, ONE_TIME].map((applicationId) => addToken(store, sealer, userId, applicationId)),
  );
  return { reusable: reusable ?? '', oneTime: oneTime ?? '' };
}

async function addToken(
  store: Store,
  sealer: Sealer,
  userId: string,
  applicationId: string,
): Promise<string> {
  const id = randomUUID();
  const random = {
    uuid: () => randomUUID(),
    token: (bytes: number) => randomBytes(bytes).toString('base64url'),
  };
  const { value, ...kept } = newRefreshTokenValue({ random, sealer }, id);
  const now = Date.now();
  await store.refreshTokens.insert({
    id,
    tenantId: TENANT,
    userId,
    applicationId,
    ...kept,
    sequence: 0,
    startInstant: now,
    insertInstant: now,
    accessExpiresInstant: now,
    authTimeSeconds: Math.floor(now / 1000),
    authenticationType: 'PASSWORD',
    metaData: { device: {}, scopes: [] },
  });
  return value;
}
