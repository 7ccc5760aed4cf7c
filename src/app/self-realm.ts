/** Realms of type self: the gateway takes the token service's access tokens by its catalog and its ended sessions. */
import { CountersignError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, member } from '../core/json.ts';
import type { Envelope } from '../jwt/envelope.ts';
import { importPem, importSecret } from '../jwt/keys.ts';
import type { RealmGate } from '../jwt/realm-binding.ts';
import { decodeUtf8, parseStrictJson } from '../jwt/strict-json.ts';
import type { KeySet, VerificationKey } from '../jwt/verification-key.ts';
import { jwsAlgorithm, type Key } from '../objects/key.ts';
import { accessTokenKeys } from '../tokens/access-token-keys.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { keyContext } from '../tokens/objects/keys.ts';
import { perCatalog } from '../tokens/per-catalog.ts';
import type { Revocations, Sealer } from '../tokens/ports.ts';
import type { TokenService } from '../tokens/service.ts';

/** What a token service tells of its access tokens. */
export interface SelfTokens {
  readonly service: Pick<TokenService, 'catalog' | 'sealer'>;
  readonly revocations: Pick<Revocations, 'isCurrent' | 'isRevoked'>;
}

export interface SelfRealmParts {
  /** Of the tenants whose tokens the realm takes. */
  readonly issuer: string;
  readonly checksRevocation: boolean;
  readonly tokenService: SelfTokens;
}

/** The keys of the tenants with this issuer, as the catalog has them now. */
export function selfKeySet({ issuer, tokenService: { service } }: SelfRealmParts): KeySet {
  const keysOf = perCatalog((catalog) => verificationKeys(catalog, issuer, service.sealer));
  const url = `self:${issuer}`;
  return {
    url,
    get generation() {
      return service.catalog().revision;
    },
    find(kid) {
      const keys = keysOf(service.catalog()).filter((key) => key.kid === kid);
      if (keys.length === 0)
        throw new CountersignError('unknown_kid', 'no key of the token service has this kid');
      return keys;
    },
    requireUsable() {},
    status: () => ({
      url,
      state: 'fresh',
      kids: keysOf(service.catalog()).flatMap(({ kid }) => kid ?? []),
      rejected: [],
      fetchedAtMs: null,
      nextFetchAtMs: null,
      lastError: null,
    }),
  };
}

function verificationKeys(catalog: Catalog, issuer: string, sealer: Sealer): readonly VerificationKey[] {
  const tenants = [...catalog.tenants.values()].filter((tenant) => tenant.issuer === issuer);
  const keys = new Set(tenants.flatMap(({ id }) => accessTokenKeys(catalog, id)));
  return [...keys].map((key) => verificationKey(key, sealer));
}

function verificationKey(
  { id, kid, algorithm, publicKey, sealedPrivateKey }: Key,
  sealer: Sealer,
): VerificationKey {
  const algorithms = [jwsAlgorithm(algorithm)];
  if (publicKey !== null) return importPem(publicKey, { kid, algorithms });
  const secret = sealedPrivateKey === null ? '' : sealer.open(sealedPrivateKey, keyContext(id));
  return importSecret(new TextEncoder().encode(secret), { kid, algorithms, allowWeakSecret: false });
}

/** What else an access token of ours must be. */
export function selfGate({
  checksRevocation,
  tokenService: { service, revocations },
}: SelfRealmParts): RealmGate {
  return {
    requireKind: (envelope) => requireAccessToken(envelope, service.catalog()),
    requireLive: (claims) => {
      if (checksRevocation) requireLiveSession(claims, revocations);
    },
  };
}

/**
 * Vended tokens are signed by the same keys, with claims that whoever had an API key asked for; only tokens that a
 * grant made carry `gty`, in a header that nobody but the service writes (security.md T09).
 */
function requireAccessToken({ jws, claims }: Envelope, { tenants }: Catalog): void {
  const header = parseStrictJson(decodeUtf8(Buffer.from(jws.protected, 'base64url')));
  if (!isJsonObject(header) || !Array.isArray(member(header, 'gty')))
    throw new CountersignError('wrong_type', 'the token was made by no grant: it is no access token');
  const tid = member(claims, 'tid');
  const tenant = typeof tid === 'string' ? tenants.get(tid) : undefined;
  if (tenant === undefined || tenant.issuer !== member(claims, 'iss'))
    throw new CountersignError('invalid_claim', 'claim tid names no tenant of this issuer', {
      parameter: 'tid',
    });
}

function requireLiveSession(claims: JsonObject, revocations: SelfTokens['revocations']): void {
  const sid = member(claims, 'sid');
  if (typeof sid !== 'string') return;
  if (!revocations.isCurrent())
    throw new CountersignError('revocations_unavailable', 'the store has not answered for some seconds');
  if (revocations.isRevoked(sid)) throw new CountersignError('token_revoked', 'the session was ended');
}
