/**
 * Is this token genuine, and whose is it? Cache → envelope → issuer → the realms of that issuer, in order. A realm
 * that cannot answer ends the search: who a caller is must not depend on which key set is reachable.
 */
import { whenThere } from '../core/at-once.ts';
import type { Explain, TokenVerifier } from '../core/decision.ts';
import { CountersignError, type ErrorCode, toCountersignError } from '../core/errors.ts';
import { member } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import { checkValidity, type VerifiedToken } from '../core/principal.ts';
import type { Realm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import { type Envelope, parseEnvelope } from './envelope.ts';
import { KnownHeaders } from './known-headers.ts';
import { generationOf, type RealmBinding } from './realm-binding.ts';
import { type Attempt, createTokenCache } from './token-cache.ts';
import { tokenId } from './token-memory.ts';
import { type Accepted, verifyInRealm } from './verify-in-realm.ts';

/** Called as things happen, for metrics. */
export interface VerifierObserver {
  cacheHit(): void;
  /** Also called for tokens that are then refused. */
  cacheMiss(): void;
  /** A token was dropped before its end, to stay within the bound. */
  cacheEviction(): void;
}

export interface VerifierOptions {
  readonly bindings: readonly RealmBinding[];
  readonly clock: Clock;
  /** Verified tokens remembered at most, of all realms together; at least 1. */
  readonly cacheMax: number;
  readonly log: Logger;
  readonly observe?: VerifierObserver;
}

/** Belongs to one configuration: a reload makes a new one, and with it an empty cache. */
export interface Verifier extends TokenVerifier {
  /** Verified tokens remembered now. */
  readonly cacheSize: number;
}

/** `verify` answers (or throws) at once where no key is fetched and no other thread verifies, else through a promise. */
export function createVerifier({ bindings, clock, cacheMax, log, observe }: VerifierOptions): Verifier {
  const bindingOf = new Map(bindings.map((binding) => [binding.realm, binding]));
  const cache = createTokenCache(cacheMax, () => observe?.cacheEviction());
  const headers = new KnownHeaders();

  function verifyAnew(id: string, token: string, realms: readonly Realm[], explain?: Explain) {
    const envelope = parseEnvelope(token, headers);
    explain?.('envelope', describeHeader(envelope));
    const candidates = realmsOfIssuer(envelope, realms, explain).map((realm) => bound(bindingOf, realm));
    return whenThere(firstAccepting(candidates, envelope, clock, explain), (verdict) => {
      headers.remember(envelope);
      return remembered(id, verdict);
    });
  }

  function remembered(id: string, { accepted, attempts, isLasting }: Verdict): VerifiedToken {
    const verified: VerifiedToken = { ...accepted, id };
    if (isLasting) cache.add(verified, attempts);
    const { notices, realm } = verified;
    if (notices.length > 0) log.warn('Token accepted with notices', { realm: realm.name, notices });
    return verified;
  }

  return {
    get cacheSize() {
      return cache.size;
    },
    verify(token, realms, explain) {
      const id = tokenId(token);
      const nowMs = clock();
      const known = cache.find(id, realms, nowMs);
      if (known === null) {
        observe?.cacheMiss();
        return verifyAnew(id, token, realms, explain);
      }
      observe?.cacheHit();
      explain?.('cache', `verified before by realm ${known.realm.name}`);
      checkValidity(known.validity, nowMs);
      return known;
    },
  };
}

function bound(bindingOf: ReadonlyMap<Realm, RealmBinding>, realm: Realm): RealmBinding {
  const binding = bindingOf.get(realm);
  if (binding === undefined) throw new CountersignError('internal_error', `realm ${realm.name} has no keys`);
  return binding;
}

/** @throws CountersignError missing_claim, invalid_claim, unknown_issuer */
function realmsOfIssuer(envelope: Envelope, realms: readonly Realm[], explain?: Explain): readonly Realm[] {
  const issuer = member(envelope.claims, 'iss');
  if (issuer === undefined)
    throw new CountersignError('missing_claim', 'claim iss is missing', { parameter: 'iss' });
  if (typeof issuer !== 'string')
    throw new CountersignError('invalid_claim', 'claim iss is no string', { parameter: 'iss' });
  explain?.('issuer', JSON.stringify(issuer));
  for (const realm of realms)
    if (realm.issuer !== issuer)
      explain?.('realm', `${realm.name}: skipped, its issuer is ${JSON.stringify(realm.issuer)}`);
  const candidates = realms.filter((realm) => realm.issuer === issuer);
  if (candidates.length > 0) return candidates;
  throw new CountersignError('unknown_issuer', 'no realm of the route has the issuer of the token');
}

interface Verdict {
  readonly accepted: Accepted;
  readonly attempts: readonly Attempt[];
  /** False where a realm asked earlier would accept the token too, only not yet. */
  readonly isLasting: boolean;
}

/** What was heard so far, realm by realm. */
interface Asked {
  readonly attempts: readonly Attempt[];
  readonly refusals: readonly CountersignError[];
}

const NOBODY: Asked = { attempts: [], refusals: [] };

/**
 * The candidates that follow on those that were `asked`.
 *
 * @throws CountersignError the refusal that got furthest, or at once what is no refusal of the token (5xx)
 */
function firstAccepting(
  candidates: readonly RealmBinding[],
  envelope: Envelope,
  clock: Clock,
  explain?: Explain,
  asked = NOBODY,
): Verdict | Promise<Verdict> {
  const [binding] = candidates;
  if (binding === undefined) throw furthest(asked.refusals);
  // Taken before the keys are asked for: a verdict is never filed under newer keys than it was reached with.
  const attempts = [...asked.attempts, { binding, generation: generationOf(binding) }];
  explain?.('realm', `${binding.realm.name}: tried`);
  const accept = (accepted: Accepted): Verdict => {
    return { accepted, attempts, isLasting: asked.refusals.every(({ code }) => code !== 'not_yet_valid') };
  };
  const refuse = (thrown: unknown) => {
    const refusal = toCountersignError(thrown);
    explain?.('realm', `${binding.realm.name}: ${refusal.code}, ${refusal.message}`);
    if (refusal.status !== 401) throw refusal;
    const refusals = [...asked.refusals, refusal];
    return firstAccepting(candidates.slice(1), envelope, clock, explain, { attempts, refusals });
  };
  try {
    const accepted = verifyInRealm(binding, envelope, clock, explain);
    return accepted instanceof Promise ? accepted.then(accept, refuse) : accept(accepted);
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** In the order in which a realm checks. */
const CODES_BY_PROGRESS: readonly ErrorCode[] = [
  'wrong_type',
  'alg_not_allowed',
  'expired',
  'too_old',
  'not_yet_valid',
  'unknown_kid',
  'bad_signature',
  'wrong_audience',
  'invalid_claim',
  'missing_claim',
  'token_revoked',
];

function furthest(refusals: readonly CountersignError[]): CountersignError {
  const progress = ({ code }: CountersignError) => CODES_BY_PROGRESS.indexOf(code);
  return refusals.reduce((best, refusal) => (progress(refusal) >= progress(best) ? refusal : best));
}

function describeHeader({ algorithm, kid, type }: Envelope): string {
  return `alg ${JSON.stringify(algorithm)}, kid ${JSON.stringify(kid)}, typ ${JSON.stringify(type)}`;
}
