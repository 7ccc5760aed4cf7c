/** A snapshot: one configuration, built. Everything a request depends on, immutable until it is swapped as a whole. */
import type { Compiled } from '../config/compile.ts';
import { compileHeaderPolicy } from '../core/headers.ts';
import type { Clock } from '../core/time.ts';
import { createUpstreams, type Upstreams } from '../forward/upstreams.ts';
import { compileTrustedProxies } from '../http/client-address.ts';
import type { ProxySnapshot } from '../http/proxy.ts';
import type { KeySetRegistry } from '../jwt/key-set-registry.ts';
import type { Keyring } from '../jwt/keyring.ts';
import { createMinter, type Minter } from '../jwt/mint.ts';
import { createVerifier, type Verifier } from '../jwt/verify.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Configuration } from './configuration.ts';
import { minterObserver, upstreamObserver, verifierObserver } from './observe.ts';
import { randomId, schedule } from './ports.ts';
import { type BoundRealm, bindRealms, type NoTokenService } from './realms.ts';
import type { SelfTokens } from './self-realm.ts';
import { openSigningKeys } from './signing-keys.ts';
import type { TokenStore } from './token-store.ts';

export interface Snapshot extends ProxySnapshot {
  readonly compiled: Compiled;
  readonly realms: readonly BoundRealm[];
  readonly verifier: Verifier;
  readonly minter: Minter;
  readonly keyring: Keyring;
  readonly upstreams: Upstreams;
  /** Resolves after each key set was fetched once, well or not. */
  prefetched(): Promise<void>;
  /** Ends what the snapshot holds. Requests that run on it are finished first. */
  close(): Promise<void>;
}

export interface SnapshotParts {
  readonly registry: KeySetRegistry;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null: the configuration has none. */
  readonly tokenService: ReadTokenService | NoTokenService | null;
  /** Nothing is written to `dataDir`. For a snapshot that is looked at and thrown away. */
  readonly isPassing?: boolean;
  /** The supervisor makes the signing keys. */
  readonly isWorker?: boolean;
}

/** What a snapshot asks of a token service. */
interface ReadTokenService extends SelfTokens {
  readonly service: SelfTokens['service'] & TokenStore;
}

const NO_TOKEN_SERVICE: NoTokenService = { missing: 'the configuration has no token service' };

/** @throws KeyPolicyError, KeyDirectoryError, StoreUnavailableError where the signing keys are not in order */
export async function buildSnapshot(configuration: Configuration, parts: SnapshotParts): Promise<Snapshot> {
  const { compiled, realmKeys } = configuration;
  const { tokenService = null, ...rest } = parts;
  const tokenStore = tokenService === null || 'missing' in tokenService ? null : tokenService.service;
  const keyring = await openSigningKeys(compiled, { ...rest, tokenStore });
  const realms = bindRealms(compiled, realmKeys, parts.registry, tokenService ?? NO_TOKEN_SERVICE);
  const verifier = verifierOf(compiled, realms, parts);
  const minter = minterOf(compiled, keyring, parts);
  const upstreams = upstreamsOf(compiled, parts);
  const keySets = realms.map(({ remote }) => remote).filter((remote) => remote !== null);
  return {
    compiled,
    realms,
    verifier,
    minter,
    keyring,
    policy: { routes: compiled.routes, verifier, minter },
    headers: compileHeaderPolicy(compiled.ownedHeaders),
    upstreams,
    keys: publishedKeysOf(compiled, keyring),
    trustedProxies: compileTrustedProxies(compiled.trustedProxies),
    prefetched: async () => {
      await Promise.all(keySets.map((keySet) => keySet.start()));
    },
    close: async () => {
      for (const keySet of keySets) parts.registry.release(keySet);
      await upstreams.close();
    },
  };
}

function verifierOf(
  compiled: Compiled,
  bindings: readonly BoundRealm[],
  { clock, log, metrics }: SnapshotParts,
): Verifier {
  const cacheMax = Math.max(1, compiled.tokenCacheMax);
  return createVerifier({ bindings, clock, cacheMax, log, observe: verifierObserver(metrics) });
}

function minterOf({ assertion }: Compiled, keyring: Keyring, { clock, log, metrics }: SnapshotParts): Minter {
  return createMinter({
    keyring,
    clock,
    stopwatch: () => performance.now(),
    randomId,
    cacheMax: assertion?.cacheMax ?? 0,
    log,
    observe: minterObserver(metrics),
  });
}

function upstreamsOf(compiled: Compiled, { clock, log, metrics }: SnapshotParts): Upstreams {
  return createUpstreams(compiled.upstreams, { clock, schedule, log, observe: upstreamObserver(metrics) });
}

/** Asked anew for each request: a rotation shows without a reload. Null: nothing is published. */
export function publishedKeysOf({ assertion }: Compiled, keyring: Keyring): ProxySnapshot['keys'] {
  if (assertion === null || !assertion.jwksEndpoint) return null;
  return { jwks: () => keyring.published().jwks(), pem: () => keyring.published().pem() };
}
