/** A realm and what it checks tokens with; which of its keys a token may have been signed by. */
import type { JsonObject } from '../core/json.ts';
import type { Realm } from '../core/realm.ts';
import type { Envelope } from './envelope.ts';
import type { KeySet, VerificationKey } from './verification-key.ts';

export interface RealmBinding {
  readonly realm: Realm;
  /** Keys from the configuration. */
  readonly signingKeys: readonly VerificationKey[];
  /** Null where the realm names no key set. */
  readonly keySet: KeySet | null;
  /** Absent: a good signature is enough, and nothing ends a token before its `exp`. */
  readonly gate?: RealmGate;
}

/** What a realm asks of a token beside its signature and claims. */
export interface RealmGate {
  /** Once a token, after its signature. @throws CountersignError wrong_type, missing_claim, invalid_claim */
  requireKind(envelope: Envelope): void;
  /** On every request, also for a remembered token. @throws CountersignError token_revoked, revocations_unavailable */
  requireLive(claims: JsonObject): void;
}

/** `alg: none` counts only where the realm says so and has no key that it could get around. */
export function acceptsUnsigned({
  realm,
  signingKeys,
  keySet,
}: Pick<RealmBinding, 'realm' | 'signingKeys'> & { readonly keySet: unknown }): boolean {
  return realm.allowUnsigned && signingKeys.length === 0 && keySet === null;
}

/** Changes whenever the keys of the realm do. Configured keys live as long as the binding. */
export function generationOf({ keySet }: RealmBinding): number {
  return keySet === null ? 0 : keySet.generation;
}

/**
 * The keys to try. A kid of the key set goes to the key set, a token without kid to the configured keys; a kid that
 * only a configured key has never makes the set fetch again. Empty where no key fits.
 *
 * @throws CountersignError unknown_kid, keys_unavailable
 */
export function keysFor(
  { signingKeys, keySet }: RealmBinding,
  kid: string | null,
): readonly VerificationKey[] | Promise<readonly VerificationKey[]> {
  if (keySet === null) return configuredKeys(signingKeys, kid);
  if (kid === null) return signingKeys.length > 0 ? signingKeys : keySet.find(null);
  const named = signingKeys.filter((key) => key.kid === kid);
  return named.length > 0 && !keySet.status().kids.includes(kid) ? named : keySet.find(kid);
}

function configuredKeys(keys: readonly VerificationKey[], kid: string | null): readonly VerificationKey[] {
  const isOnlyKeyUnnamed = keys.length === 1 && keys[0]?.kid === null;
  return kid === null || isOnlyKeyUnnamed ? keys : keys.filter((key) => key.kid === kid);
}
