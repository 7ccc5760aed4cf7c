/**
 * One realm's verdict on a token: type, algorithm, time, key, signature, audience, principal. What costs nothing comes
 * first: no key is fetched and no signature computed for a token that its own header or clock refuses.
 */
import { whenThere } from '../core/at-once.ts';
import type { Explain } from '../core/decision.ts';
import { CountersignError } from '../core/errors.ts';
import {
  checkAudience,
  checkValidity,
  type Principal,
  principalOf,
  type Validity,
  type VerifiedToken,
  validityOf,
} from '../core/principal.ts';
import type { Algorithm, Realm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import type { Envelope } from './envelope.ts';
import { acceptsUnsigned, keysFor, type RealmBinding } from './realm-binding.ts';
import { verifySignature } from './signature.ts';
import type { VerificationKey } from './verification-key.ts';

/** What the realm says of a token that it accepts. */
export type Accepted = Omit<VerifiedToken, 'id'>;

/**
 * Whether the issuer is the realm's has been checked. Answers, and throws, at once where neither the key nor the thread
 * pool has to be waited for.
 *
 * @throws CountersignError with the 401 code of the first check that fails, or one of the 503 codes
 */
export function verifyInRealm(
  binding: RealmBinding,
  envelope: Envelope,
  clock: Clock,
  explain?: Explain,
): Accepted | Promise<Accepted> {
  const { realm } = binding;
  checkType(envelope, realm);
  const algorithm = allowedAlgorithm(envelope, binding);
  const validity = validityOf(envelope.claims, realm);
  checkValidity(validity, clock());
  explain?.('validity', describeValidity(validity));
  return whenThere(checkSignature(envelope, algorithm, binding, explain), () => {
    // The keys may have been waited for.
    checkValidity(validity, clock());
    checkAudience(envelope.claims, realm.audiences);
    explain?.('audience', realm.audiences.length === 0 ? 'not checked by this realm' : 'is accepted');
    const { principal, notices } = principalOf(envelope.claims, realm);
    binding.gate?.requireKind(envelope);
    binding.gate?.requireLive(envelope.claims);
    explain?.('principal', describePrincipal(principal));
    return { realm, principal, validity, algorithm, kid: envelope.kid, notices };
  });
}

/** For realms without `types`: access tokens, and tokens that say nothing. */
const USUAL_TYPES: readonly string[] = ['jwt', 'at+jwt'];

/** Media types: case means nothing, `application/` is left out by most (RFC 7515 §4.1.9, RFC 8725 §3.11). */
function checkType({ type }: Envelope, realm: Realm): void {
  if (type === null && realm.types.length === 0) return;
  const accepted = realm.types.length === 0 ? USUAL_TYPES : realm.types;
  if (type !== null && accepted.includes(type.toLowerCase().replace(/^application\//, ''))) return;
  throw new CountersignError('wrong_type', type === null ? 'typ is missing' : 'typ is not accepted');
}

function allowedAlgorithm({ algorithm }: Envelope, binding: RealmBinding): Algorithm | 'none' {
  if (algorithm === 'none' && acceptsUnsigned(binding)) return algorithm;
  const allowed = binding.realm.algorithms.find((candidate) => candidate === algorithm);
  if (allowed !== undefined) return allowed;
  throw new CountersignError('alg_not_allowed', 'the realm does not allow this algorithm');
}

/** @throws CountersignError bad_signature, alg_not_allowed, unknown_kid, keys_unavailable */
function checkSignature(
  envelope: Envelope,
  algorithm: Algorithm | 'none',
  binding: RealmBinding,
  explain?: Explain,
): void | Promise<void> {
  if (algorithm === 'none') {
    if (envelope.jws.signature.length > 0)
      throw new CountersignError('bad_signature', 'unsigned token has a signature');
    explain?.('signature', 'none, and the realm accepts that');
    return;
  }
  return whenThere(keysFor(binding, envelope.kid), (found) => {
    if (found.length === 0) throw new CountersignError('unknown_kid', 'no key of the realm has this kid');
    // The key says what it serves: a public key never checks an HMAC, whatever the header claims (RFC 8725 §3.1).
    const keys = found.filter((key) => key.algorithms.includes(algorithm));
    if (keys.length === 0)
      throw new CountersignError('alg_not_allowed', 'the key does not serve this algorithm');
    return requireSigner(envelope, algorithm, keys, explain);
  });
}

/** One key after the other. @throws CountersignError bad_signature where it is the signature of none */
function requireSigner(
  envelope: Envelope,
  algorithm: Algorithm,
  keys: readonly VerificationKey[],
  explain?: Explain,
): void | Promise<void> {
  const [key] = keys;
  if (key === undefined) throw new CountersignError('bad_signature', 'the signature does not verify');
  explain?.('key', `${key.kid === null ? 'without kid' : JSON.stringify(key.kid)}, ${algorithm}`);
  return whenThere(verifySignature(envelope.jws, key.key, algorithm), (isGenuine) => {
    if (isGenuine !== true) return requireSigner(envelope, algorithm, keys.slice(1), explain);
    explain?.('signature', 'verifies');
  });
}

function describeValidity({ notBeforeMs, refusedFromMs }: Validity): string {
  const until = Number.isFinite(refusedFromMs) ? new Date(refusedFromMs).toISOString() : 'ever';
  return `from ${new Date(notBeforeMs).toISOString()} until ${until}, clock skew included`;
}

function describePrincipal({ subject, groups, roles, scopes }: Principal): string {
  const [who, from, to, may] = [subject, groups, roles, scopes].map((value) => JSON.stringify(value));
  return `subject ${who}, groups ${from} → roles ${to}, scopes ${may}`;
}
