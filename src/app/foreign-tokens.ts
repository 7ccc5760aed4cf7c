/** Tokens of foreign issuers: the identity providers' port over envelope, key policy and key sets of jwt/. */
import { CountersignError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts';
import type { ForeignKeys, ForeignTokens } from '../identity-providers/ports.ts';
import { type CompactKey, headerOf, keyOfSignature, lifetimeOf, requireInForce } from '../jwt/compact.ts';
import { type Envelope, type HeaderLookup, parseEnvelope } from '../jwt/envelope.ts';
import { KeyPolicyError } from '../jwt/jwk-policy.ts';
import type { RemoteKeySet } from '../jwt/jwks.ts';
import type { KeySetRegistry } from '../jwt/key-set-registry.ts';
import { importPem } from '../jwt/keys.ts';
import { KnownHeaders } from '../jwt/known-headers.ts';
import type { VerificationKey } from '../jwt/verification-key.ts';
import type { Key } from '../objects/key.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { ServiceError } from '../tokens/failure.ts';
import { TokenRejectedError } from '../tokens/ports.ts';

/** As realms have it where they say nothing. */
const KEY_SET = {
  timeoutMs: 3 * SECOND_MS,
  cacheTtlMs: 10 * MINUTE_MS,
  cooldownMs: 30 * SECOND_MS,
  maxStaleMs: DAY_MS,
  ca: null,
};

export interface ForeignTokensOptions {
  readonly catalog: () => Catalog;
  /** Reads a key of the catalog; the same object for the same key. */
  readonly verifyingKey: (key: Key) => CompactKey;
  readonly registry: Pick<KeySetRegistry, 'acquire' | 'release'>;
}

export interface RunningForeignTokens extends ForeignTokens {
  close(): void;
}

/** Key sets are fetched from the first token on that needs them, for as long as a provider names them. */
export function createForeignTokens({
  catalog,
  verifyingKey,
  registry,
}: ForeignTokensOptions): RunningForeignTokens {
  const held = new Map<string, RemoteKeySet>();
  const headers = new KnownHeaders();
  let seenRevision = -1;

  function keySetAt(url: string): RemoteKeySet {
    releaseUnnamed(catalog());
    const keySet = held.get(url) ?? registry.acquire({ ...KEY_SET, source: { kind: 'url', url } });
    held.set(url, keySet);
    return keySet;
  }

  function releaseUnnamed({ revision, identityProviders }: Catalog): void {
    if (revision === seenRevision) return;
    seenRevision = revision;
    const named = new Set([...identityProviders.values()].map(({ jwksUri }) => jwksUri));
    for (const [url, keySet] of held) {
      if (named.has(url)) continue;
      held.delete(url);
      registry.release(keySet);
    }
  }

  async function keysOf(keys: ForeignKeys): Promise<readonly CompactKey[]> {
    switch (keys.kind) {
      case 'keys':
        return keys.keys.map(verifyingKey);
      case 'pem':
        return compactKeys([importPem(keys.pem, { kid: null, algorithms: null })]);
      case 'keySet':
        return compactKeys(await keySetAt(keys.url).find(keys.kid));
    }
  }

  async function verify(envelope: Envelope, keys: ForeignKeys, nowMs: number): Promise<JsonObject> {
    try {
      requireInForce(lifetimeOf(envelope.claims), nowMs);
      await keyOfSignature(envelope, await keysOf(keys), { ignoreKid: true });
      headers.remember(envelope);
      return envelope.claims;
    } catch (error) {
      throw translated(error);
    }
  }

  return {
    read(token) {
      const envelope = readEnvelope(token, headers);
      const header = headerOf(envelope);
      return { header, claims: envelope.claims, verify: (keys, nowMs) => verify(envelope, keys, nowMs) };
    },
    close() {
      for (const keySet of held.values()) registry.release(keySet);
      held.clear();
    },
  };
}

/** The key says which algorithms it serves. One that was given as PEM serves all of its family. */
function compactKeys(keys: readonly VerificationKey[]): readonly CompactKey[] {
  return keys.flatMap(({ key, algorithms }) => algorithms.map((algorithm) => ({ kid: '', algorithm, key })));
}

function readEnvelope(token: string, known: HeaderLookup): Envelope {
  try {
    return parseEnvelope(token, known);
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): unknown {
  if (error instanceof KeyPolicyError) return new TokenRejectedError(error.message, { cause: error });
  if (!(error instanceof CountersignError)) return error;
  if (error.code === 'keys_unavailable') return new ServiceError(503, error.message);
  return new TokenRejectedError(`${error.code}: ${error.message}`, { cause: error });
}
