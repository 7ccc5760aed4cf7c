/** Tokens of foreign issuers: the identity providers' port over envelope, key policy and key sets of jwt/. */
import { CountersignError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts';
import type { ForeignKeys, ForeignTokens } from '../identity-providers/ports.ts';
import { type CompactKey, verifyCompact } from '../jwt/compact.ts';
import { parseEnvelope } from '../jwt/envelope.ts';
import { KeyPolicyError } from '../jwt/jwk-policy.ts';
import type { RemoteKeySet } from '../jwt/jwks.ts';
import type { KeySetRegistry } from '../jwt/key-set-registry.ts';
import { importPem } from '../jwt/keys.ts';
import { decodeUtf8, parseStrictJson } from '../jwt/strict-json.ts';
import type { VerificationKey } from '../jwt/verification-key.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { ServiceError } from '../tokens/failure.ts';
import { TokenRejectedError, type TokenVerifier, type VerifiedToken } from '../tokens/ports.ts';

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
  /** For keys of the catalog. */
  readonly verifier: Pick<TokenVerifier, 'verify'>;
  readonly registry: Pick<KeySetRegistry, 'acquire' | 'release'>;
}

export interface RunningForeignTokens extends ForeignTokens {
  close(): void;
}

/** Key sets are fetched from the first token on that needs them, for as long as a provider names them. */
export function createForeignTokens({
  catalog,
  verifier,
  registry,
}: ForeignTokensOptions): RunningForeignTokens {
  const held = new Map<string, RemoteKeySet>();
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

  async function keysOf(keys: Exclude<ForeignKeys, { kind: 'keys' }>): Promise<readonly CompactKey[]> {
    if (keys.kind === 'pem') return compactKeys([importPem(keys.pem, { kid: null, algorithms: null })]);
    return compactKeys(await keySetAt(keys.url).find(keys.kid));
  }

  return {
    read: (token) => rejecting(() => readToken(token)),
    async verify(token, keys, nowMs) {
      if (keys.kind === 'keys') return await verifier.verify(token, keys.keys, nowMs, { ignoreKid: true });
      try {
        return await verifyCompact(token, await keysOf(keys), nowMs, { ignoreKid: true });
      } catch (error) {
        throw translated(error);
      }
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

function readToken(token: string): VerifiedToken {
  const { claims, encoded } = parseEnvelope(token);
  return { header: headerOf(encoded.protected), claims };
}

/** The envelope reads what it needs; a provider may name any other member. */
function headerOf(encoded: string): JsonObject {
  const header = parseStrictJson(decodeUtf8(Buffer.from(encoded, 'base64url')));
  return isJsonObject(header) ? header : {};
}

function rejecting<T>(read: () => T): T {
  try {
    return read();
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
