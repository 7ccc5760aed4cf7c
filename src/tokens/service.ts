/** What every use case of the token service is given. */
import type { Logger } from '../core/log.ts';
import type { Clock } from '../core/time.ts';
import type { Catalog } from './catalog.ts';
import type {
  Events,
  KeyFactory,
  Lambdas,
  Random,
  Revocations,
  Sealer,
  TokenSigner,
  TokenVerifier,
} from './ports.ts';
import type { Store } from './store.ts';

export interface TokenService {
  readonly store: Store;
  /** The present snapshot; one call keeps the one it began with. */
  catalog(): Catalog;
  /** Loads the snapshot again, after a change by this process. */
  refreshCatalog(): Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly keys: KeyFactory;
  readonly signer: TokenSigner;
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly events: Events;
  readonly lambdas: Lambdas;
  readonly log: Logger;
}

/** Who calls, and whose objects the call may see. Made by http/api from key, header and cookies. */
export interface Scope {
  /** The only tenant the call may see, by header or by the API key's lock; null: every tenant. */
  readonly tenantId: string | null;
  /** Address of the client, for login records and devices. */
  readonly ipAddress: string | null;
}
