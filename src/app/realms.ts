/** Realms bound to what checks their tokens: configured keys are imported, key sets come from the registry. */
import type { Compiled, RealmKeySettings } from '../config/compile.ts';
import { CountersignError } from '../core/errors.ts';
import type { Realm } from '../core/realm.ts';
import { KeyPolicyError } from '../jwt/jwk-policy.ts';
import type { RemoteKeySet } from '../jwt/jwks.ts';
import type { KeySetSource } from '../jwt/key-set-location.ts';
import type { KeySetRegistry } from '../jwt/key-set-registry.ts';
import { importJwk, importPem, importSecret } from '../jwt/keys.ts';
import { acceptsUnsigned, type RealmBinding } from '../jwt/realm-binding.ts';
import type { KeySet, VerificationKey } from '../jwt/verification-key.ts';
import { type SelfTokens, selfGate, selfKeySet } from './self-realm.ts';

export interface BoundRealm extends RealmBinding {
  /** Null: the keys are configured, or those of the token service. */
  readonly remote: RemoteKeySet | null;
}

/** A key of a realm that the key policy refuses; `realm` names it for the message. */
export class RealmKeyError extends Error {
  override readonly name = 'RealmKeyError';
  readonly settings: RealmKeySettings;

  constructor(settings: RealmKeySettings, cause: KeyPolicyError) {
    super(cause.message, { cause });
    this.settings = settings;
  }
}

/** The configured keys of every realm, by realm name. @throws RealmKeyError */
export function importRealmKeys(
  compiled: Pick<Compiled, 'realmKeys'>,
): Map<string, readonly VerificationKey[]> {
  return new Map([...compiled.realmKeys].map(([name, settings]) => [name, importConfiguredKeys(settings)]));
}

function importConfiguredKeys(settings: RealmKeySettings): readonly VerificationKey[] {
  try {
    const key = importConfiguredKey(settings);
    return key === null ? [] : [key];
  } catch (error) {
    if (error instanceof KeyPolicyError) throw new RealmKeyError(settings, error);
    throw error;
  }
}

function importConfiguredKey({ signingKey, algorithms }: RealmKeySettings): VerificationKey | null {
  if (signingKey === null) return null;
  const { kid } = signingKey;
  switch (signingKey.kind) {
    case 'secret':
      return importSecret(signingKey.bytes, { kid, algorithms, allowWeakSecret: signingKey.allowWeakSecret });
    case 'pem':
      return importPem(signingKey.text, { kid, algorithms });
    case 'jwk':
      return importJwk(signingKey.jwk, { allowOct: true, allowWeakSecret: signingKey.allowWeakSecret });
  }
}

/** Why there is no token service to take tokens of. For the operator. */
export interface NoTokenService {
  readonly missing: string;
}

/** Each key set that is acquired here wants one release. */
export function bindRealms(
  compiled: Pick<Compiled, 'realms' | 'realmKeys'>,
  keys: ReadonlyMap<string, readonly VerificationKey[]>,
  registry: KeySetRegistry,
  tokenService: SelfTokens | NoTokenService,
): BoundRealm[] {
  return compiled.realms.map((realm) => {
    const settings = compiled.realmKeys.get(realm.name);
    if (realm.isSelf) return bindSelfRealm(realm, settings?.checksRevocation ?? true, tokenService);
    const source = settings === undefined ? null : keySetSource(realm, settings);
    const remote =
      source === null || settings === undefined ? null : registry.acquire({ source, ...settings.jwks });
    return { realm, signingKeys: keys.get(realm.name) ?? [], keySet: remote, remote };
  });
}

function noKeys({ missing }: NoTokenService): KeySet {
  return {
    url: 'self',
    generation: 0,
    find() {
      throw new CountersignError('keys_unavailable', missing);
    },
    requireUsable() {},
    status: () => ({
      url: 'self',
      state: 'loading',
      kids: [],
      rejected: [],
      fetchedAtMs: null,
      nextFetchAtMs: null,
      lastError: missing,
    }),
  };
}

/** Without a token service the realm takes nobody. */
function bindSelfRealm(
  realm: Realm,
  checksRevocation: boolean,
  tokenService: SelfTokens | NoTokenService,
): BoundRealm {
  if ('missing' in tokenService)
    return { realm, signingKeys: [], keySet: noKeys(tokenService), remote: null };
  const parts = { issuer: realm.issuer, checksRevocation, tokenService };
  return { realm, signingKeys: [], keySet: selfKeySet(parts), remote: null, gate: selfGate(parts) };
}

/** Names of the realms in which anybody can be anyone. */
export function unsignedRealms({
  compiled,
  realmKeys,
}: {
  readonly compiled: Pick<Compiled, 'realms' | 'realmKeys'>;
  readonly realmKeys: ReadonlyMap<string, readonly VerificationKey[]>;
}): string[] {
  const unsigned = compiled.realms.filter((realm) => {
    const settings = compiled.realmKeys.get(realm.name);
    const keySet = settings === undefined ? null : keySetSource(realm, settings);
    return acceptsUnsigned({ realm, signingKeys: realmKeys.get(realm.name) ?? [], keySet });
  });
  return unsigned.map(({ name }) => name);
}

function keySetSource(realm: Realm, settings: RealmKeySettings): KeySetSource | null {
  if (settings.jwksUri !== null) return { kind: 'url', url: settings.jwksUri };
  return settings.discovery ? { kind: 'issuer', issuer: realm.issuer } : null;
}
