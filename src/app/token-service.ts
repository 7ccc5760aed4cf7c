/** The token service, composed: its store, its catalog, its keys, its lambdas and webhooks, behind one object. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { TokenServiceSettings } from '../config/compile/token-service.ts';
import type { Compiled } from '../config/compile.ts';
import { createWebhookClient } from '../forward/send-webhook.ts';
import { checkIdentityProvider } from '../identity-providers/check-provider.ts';
import { createLambdas } from '../identity-providers/lambda/lambdas.ts';
import { createSandbox } from '../identity-providers/lambda/sandbox.ts';
import type { ForeignTokens } from '../identity-providers/ports.ts';
import { openPostgresStore } from '../stores/postgres/open.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import { type CatalogFeed, openCatalogFeed } from '../tokens/catalog-feed.ts';
import { startDeliveries } from '../tokens/events/delivery.ts';
import { createWebhookEvents } from '../tokens/events/webhook-events.ts';
import { ServiceError } from '../tokens/failure.ts';
import { startHousekeeping } from '../tokens/housekeeping.ts';
import type { Random, Sealer } from '../tokens/ports.ts';
import { openRevocationFeed, type RevocationFeed } from '../tokens/revocation-feed.ts';
import { createSealer } from '../tokens/sealing.ts';
import { seedCatalog } from '../tokens/seed.ts';
import type { TokenService } from '../tokens/service.ts';
import type { Store } from '../tokens/store.ts';
import { createForeignTokens } from './foreign-tokens.ts';
import { openMasterKey } from './master-key.ts';
import { schedule } from './ports.ts';
import type { Runtime } from './runtime.ts';
import { keyFactory } from './token-keys.ts';
import { createTokenSigning } from './token-signing.ts';

export interface RunningTokenService {
  readonly service: TokenService;
  readonly catalogFeed: Pick<CatalogFeed, 'status'>;
  readonly revocations: RevocationFeed;
  /** Tokens of identity providers. */
  readonly foreign: ForeignTokens;
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

type Outside = Pick<Runtime, 'clock' | 'log' | 'registry'>;

/**
 * Null where the configuration has none.
 *
 * @throws StoreUnavailableError; Error where the master key or a migration is not in order
 */
export async function openConfiguredTokenService(
  { tokenService: settings, dataDir }: Pick<Compiled, 'tokenService' | 'dataDir'>,
  { clock, log, registry }: Outside,
): Promise<RunningTokenService | null> {
  if (settings === null) return null;
  const sealer = await openSealer(settings, dataDir);
  const store = await openStore(settings, { clock, log });
  try {
    return await compose(settings, { sealer, store, clock, log, registry });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(
  { store }: TokenServiceSettings,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<Store> {
  return store.driver === 'sqlite'
    ? await openSqliteStore({ file: store.file, clock, log })
    : await openPostgresStore({ url: store.url, clock, log });
}

type Grounds = Outside & Pick<TokenService, 'sealer' | 'store'>;

async function compose(settings: TokenServiceSettings, grounds: Grounds): Promise<RunningTokenService> {
  const { store, sealer, clock, log } = grounds;
  const feeds = { store, clock, schedule, log };
  const catalogFeed = await openCatalogFeed(feeds);
  const revocations = await openRevocationFeed(feeds);
  const catalog = () => catalogFeed.catalog();
  const { signer, verifier, verifyingKey } = createTokenSigning(sealer);
  const base = { ...grounds, catalog, random, keys: keyFactory, signer, verifier, revocations };
  const foreign = createForeignTokens({ catalog, verifyingKey, registry: grounds.registry });
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
    foreign,
    async close() {
      endHousekeeping();
      catalogFeed.close();
      revocations.close();
      foreign.close();
      await Promise.all([deliveries.close(), sandbox.close()]);
      await webhooks.close();
      await store.close();
    },
  };
}

/**
 * Makes the store hold what the file declares: once for all processes that share it, before they use it.
 *
 * @throws SeedError; StoreUnavailableError; Error where the master key or a migration is not in order
 */
export async function seedConfigured(
  { tokenService: settings, dataDir }: Pick<Compiled, 'tokenService' | 'dataDir'>,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<void> {
  if (settings === null) return;
  const sealer = await openSealer(settings, dataDir);
  const store = await openStore(settings, { clock, log });
  try {
    await seedCatalog({ sealer, store, clock, keys: keyFactory }, settings.seed, checkIdentityProvider);
  } catch (error) {
    if (error instanceof ServiceError) throw new SeedError(`tokenService: ${error.message}`);
    throw error;
  } finally {
    await store.close();
  }
}

async function openSealer(settings: TokenServiceSettings, dataDir: string): Promise<Sealer> {
  const masterKey = settings.masterKey ?? (await openMasterKey(dataDir));
  return createSealer(masterKey, settings.previousMasterKeys);
}
