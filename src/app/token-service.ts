/** The token service, composed: its store, its catalog, its keys, its lambdas and webhooks, behind one object. */
import { randomUUID } from 'node:crypto';
import type { TokenServiceSettings } from '../config/compile/token-service.ts';
import type { Compiled } from '../config/compile.ts';
import { createWebhookClient } from '../forward/send-webhook.ts';
import { createLambdas } from '../identity-providers/lambda/lambdas.ts';
import { createSandbox } from '../identity-providers/lambda/sandbox.ts';
import type { ForeignTokens } from '../identity-providers/ports.ts';
import { type CatalogFeed, openCatalogFeed } from '../tokens/catalog-feed.ts';
import { startDeliveries } from '../tokens/events/delivery.ts';
import { createWebhookEvents } from '../tokens/events/webhook-events.ts';
import { startHousekeeping } from '../tokens/housekeeping.ts';
import type { Random } from '../tokens/ports.ts';
import { startResealing } from '../tokens/resealing.ts';
import { openRevocationFeed, type RevocationFeed } from '../tokens/revocation-feed.ts';
import { secureBytes } from '../tokens/secure-bytes.ts';
import type { TokenService } from '../tokens/service.ts';
import { createForeignTokens } from './foreign-tokens.ts';
import { resealObserver } from './observe.ts';
import { schedule } from './ports.ts';
import type { Runtime } from './runtime.ts';
import { keyFactory } from './token-keys.ts';
import { createTokenSigning } from './token-signing.ts';
import { openTokenStore, seedStore, type TokenStore } from './token-store.ts';

export interface RunningTokenService {
  readonly service: TokenService;
  readonly catalogFeed: Pick<CatalogFeed, 'status'>;
  readonly revocations: RevocationFeed;
  /** Tokens of identity providers. */
  readonly foreign: ForeignTokens;
  /** Calls under way are the caller's: the API listener is closed first. */
  close(): Promise<void>;
}

const random: Random = {
  uuid: () => randomUUID(),
  token: (bytes) => secureBytes(bytes).toString('base64url'),
};

type Outside = Pick<Runtime, 'clock' | 'log' | 'registry' | 'metrics'>;

/**
 * Null where the configuration has none. `isSeeding`: the store is made to hold what the file declares before it is used.
 *
 * @throws SeedError; StoreUnavailableError; Error where the master key or a migration is not in order
 */
export async function openConfiguredTokenService(
  compiled: Pick<Compiled, 'tokenService' | 'dataDir'>,
  outside: Outside,
  { isSeeding = false }: { readonly isSeeding?: boolean } = {},
): Promise<RunningTokenService | null> {
  const { tokenService: settings } = compiled;
  const opened = await openTokenStore(compiled, outside);
  if (opened === null || settings === null) return null;
  try {
    if (isSeeding) await seedStore(opened, settings.seed, outside);
    return await compose(settings, opened, outside);
  } catch (error) {
    await opened.store.close();
    throw error;
  }
}

/** What another configuration declares, in the store that is in use. @throws SeedError; StoreUnavailableError */
export async function seedAgain(
  { service }: RunningTokenService,
  { tokenService: settings }: Pick<Compiled, 'tokenService'>,
): Promise<void> {
  if (settings !== null) await seedStore(service, settings.seed, service);
  await service.refreshCatalog();
}

async function compose(
  settings: TokenServiceSettings,
  { store, sealer }: TokenStore,
  { clock, log, registry, metrics }: Outside,
): Promise<RunningTokenService> {
  const feeds = { store, clock, schedule, log };
  const catalogFeed = await openCatalogFeed(feeds);
  const revocations = await openRevocationFeed(feeds);
  const catalog = () => catalogFeed.catalog();
  const { signer, verifier, verifyingKey } = createTokenSigning(sealer);
  const base = {
    store,
    sealer,
    clock,
    log,
    catalog,
    random,
    keys: keyFactory,
    signer,
    verifier,
    revocations,
  };
  const foreign = createForeignTokens({ catalog, verifyingKey, registry });
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
  const endResealing = startResealing(service, schedule, resealObserver(metrics));
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
      await Promise.all([endResealing(), deliveries.close(), sandbox.close()]);
      await webhooks.close();
      await store.close();
    },
  };
}
