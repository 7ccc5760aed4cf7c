/** A token service on a store: real keys and feeds, a clock of the test's, events that are only written down. */
import { randomBytes, randomUUID } from 'node:crypto';
import { keyFactory } from '../../src/app/token-keys.ts';
import { createTokenSigning } from '../../src/app/token-signing.ts';
import { openCatalogFeed } from '../../src/tokens/catalog-feed.ts';
import type { Lambdas, ServiceEvent } from '../../src/tokens/ports.ts';
import { openRevocationFeed } from '../../src/tokens/revocation-feed.ts';
import { createSealer } from '../../src/tokens/sealing.ts';
import type { TokenService } from '../../src/tokens/service.ts';
import type { Store } from '../../src/tokens/store.ts';
import type { FakeClock } from './clock.ts';
import { silentLog } from './open-store.ts';
import { fakeScheduler } from './scheduler.ts';

export interface ComposedTokenService {
  readonly service: TokenService;
  readonly clock: FakeClock;
  /** Those whose change was written, in order. */
  readonly events: ServiceEvent[];
}

export interface ComposeOptions {
  readonly lambdas?: Partial<Lambdas>;
  /** Replaces parts of the service. */
  readonly parts?: Partial<TokenService>;
}

/** One master key for all services of a process, so that several on one database understand each other. */
const sealer = createSealer(randomBytes(32));

const noLambdas: Lambdas = {
  mistakeIn: async () => null,
  populate: async (_, { claims }) => claims,
  reconcile: async (_, { user, registration }) => ({ user, registration }),
};

/** As one process has it. The feeds look only when they are told to, and count as current all the same. */
export async function composeTokenService(
  store: Store,
  clock: FakeClock,
  { lambdas, parts }: ComposeOptions = {},
): Promise<ComposedTokenService> {
  const feeds = { store, clock, schedule: fakeScheduler(clock).schedule, log: silentLog };
  const catalog = await openCatalogFeed(feeds);
  const revocations = await openRevocationFeed(feeds);
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
    revocations: {
      isRevoked: (sid) => revocations.isRevoked(sid),
      isCurrent: () => true,
      refresh: (sinceInstant) => revocations.refresh(sinceInstant),
    },
    events: { prepare: async (event) => ({ record: async () => void events.push(event) }) },
    lambdas: { ...noLambdas, ...lambdas },
    log: silentLog,
    ...parts,
  };
  return { service, clock, events };
}
