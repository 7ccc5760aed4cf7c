/** The token service, composed: its store, its catalog, its keys, its lambdas and webhooks, behind one object. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { TokenServiceSettings } from '../config/compile/token-service.ts';
import { createWebhookClient } from '../forward/send-webhook.ts';
import { checkIdentityProvider } from '../identity-providers/check-provider.ts';
import { createLambdas } from '../identity-providers/lambda/lambdas.ts';
import { createSandbox } from '../identity-providers/lambda/sandbox.ts';
import { openPostgresStore } from '../stores/postgres/open.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import { type CatalogFeed, openCatalogFeed } from '../tokens/catalog-feed.ts';
import { startDeliveries } from '../tokens/events/delivery.ts';
import { createWebhookEvents } from '../tokens/events/webhook-events.ts';
import { ServiceError } from '../tokens/failure.ts';
import { startHousekeeping } from '../tokens/housekeeping.ts';
import type { Random } from '../tokens/ports.ts';
import { openRevocationFeed, type RevocationFeed } from '../tokens/revocation-feed.ts';
import { createSealer } from '../tokens/sealing.ts';
import { seedCatalog } from '../tokens/seed.ts';
import type { TokenService } from '../tokens/service.ts';
import type { Store } from '../tokens/store.ts';
import { openMasterKey } from './master-key.ts';
import { schedule } from './ports.ts';
import type { Runtime } from './runtime.ts';
import { keyFactory } from './token-keys.ts';
import { createTokenSigning } from './token-signing.ts';

export interface RunningTokenService {
  readonly service: TokenService;
  readonly catalogFeed: Pick<CatalogFeed, 'status'>;
  readonly revocations: RevocationFeed;
  /** Makes the store hold what a reloaded file declares. @throws Error that names the object; nothing changed */
  reseed(settings: TokenServiceSettings): Promise<void>;
  /** Calls under way are the caller's: the API listener is closed first. */
  close(): Promise<void>;
}

/** The configuration names something that does not fit; the message says what. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

const random: Random = {
  uuid: () => randomUUID(),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
};

type Outside = Pick<Runtime, 'clock' | 'log'>;

/** @throws SeedError; StoreUnavailableError; Error where the master key or a migration is not in order */
export async function openTokenService(
  settings: TokenServiceSettings,
  dataDir: string,
  outside: Outside,
): Promise<RunningTokenService> {
  const sealer = createSealer(
    settings.masterKey ?? (await openMasterKey(dataDir)),
    settings.previousMasterKeys,
  );
  const store = await openStore(settings, outside);
  try {
    return await compose(settings, { sealer, store, ...outside });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore({ store }: TokenServiceSettings, { clock, log }: Outside): Promise<Store> {
  return store.driver === 'sqlite'
    ? await openSqliteStore({ file: store.file, clock, log })
    : await openPostgresStore({ url: store.url, clock, log });
}

type Grounds = Outside & Pick<TokenService, 'sealer' | 'store'>;

async function compose(settings: TokenServiceSettings, grounds: Grounds): Promise<RunningTokenService> {
  const { store, sealer, clock, log } = grounds;
  const seed = (wanted: TokenServiceSettings) => seedStore(wanted, grounds);
  await seed(settings);
  const feeds = { store, clock, schedule, log };
  const catalogFeed = await openCatalogFeed(feeds);
  const revocations = await openRevocationFeed(feeds);
  const catalog = () => catalogFeed.catalog();
  const base = { ...grounds, catalog, random, keys: keyFactory, ...createTokenSigning(sealer), revocations };
  const sandbox = createSandbox({ ...settings.lambdaLimits, schedule });
  const webhooks = createWebhookClient();
  const deliveries = startDeliveries(base, webhooks.send, schedule);
  const service: TokenService = {
    ...base,
    refreshCatalog: () => catalogFeed.refresh(),
    events: createWebhookEvents({ service: base, send: webhooks.send, onRecorded: deliveries.expect }),
    lambdas: createLambdas({ catalog, store, clock, log, sandbox }),
  };
  const endHousekeeping = startHousekeeping(service, schedule);
  return {
    service,
    catalogFeed,
    revocations,
    async reseed(wanted) {
      await seed(wanted);
      await catalogFeed.refresh();
    },
    async close() {
      endHousekeeping();
      catalogFeed.close();
      revocations.close();
      await Promise.all([deliveries.close(), sandbox.close()]);
      await webhooks.close();
      await store.close();
    },
  };
}

async function seedStore({ seed }: TokenServiceSettings, grounds: Grounds): Promise<void> {
  try {
    await seedCatalog({ ...grounds, keys: keyFactory }, seed, checkIdentityProvider);
  } catch (error) {
    if (error instanceof ServiceError) throw new SeedError(`tokenService: ${error.message}`);
    throw error;
  }
}
