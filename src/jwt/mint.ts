/** Makes the assertion for a caller: cache → retriever → payload → size → signature. Knows no request and no transport. */
import {
  ANONYMOUS,
  type AssertionInput,
  type AssertionPayload,
  type AssertionPolicy,
  type AssertionSubject,
  assertionPayload,
  type UserClaims,
} from '../core/assertion.ts';
import type { Assertion, AssertionMinter, Explain } from '../core/decision.ts';
import { CountersignError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { VerifiedToken } from '../core/principal.ts';
import type { Route } from '../core/route.ts';
import type { Clock } from '../core/time.ts';
import { createAssertionCache, isWorthSending } from './assertion-cache.ts';
import { type AssertionFrame, assertionFrame } from './assertion-header.ts';
import type { Keyring } from './keyring.ts';
import { signJws } from './sign.ts';
import type { SigningKey } from './signing-key.ts';

/** Called as things happen, for metrics. */
export interface MinterObserver {
  cacheHit(): void;
  /** Also called for requests that then wait for an assertion being made, and for those that are refused. */
  cacheMiss(): void;
  /** `kid` null: unsigned, `signMs` 0. `bytes`: the header value. */
  minted(made: {
    readonly kid: string | null;
    readonly algorithm: string;
    readonly bytes: number;
    readonly signMs: number;
  }): void;
}

export interface MinterOptions {
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Measures signatures, in milliseconds with fractions; without it the clock does. */
  readonly stopwatch?: Clock;
  /** A new `jti`: never the same twice, not to be guessed. */
  readonly randomId: () => string;
  /** Assertions remembered at most; 0: none. */
  readonly cacheMax: number;
  readonly log: Logger;
  readonly observe?: MinterObserver;
}

/** Belongs to one configuration, as routes are known by name: a reload makes a new one, and with it an empty cache. */
export interface Minter extends AssertionMinter {
  /** Assertions remembered now. */
  readonly cacheSize: number;
  /** Sends nothing again that was made before. For changes of claims that no retriever tells about. */
  clear(): void;
}

/** `mint` answers at once with a remembered assertion, and through a promise with a new one. */
export function createMinter(options: MinterOptions): Minter {
  const { keyring, clock, cacheMax, observe } = options;
  const cache = createAssertionCache(cacheMax);
  const flights = new Map<string, Promise<Assertion>>();
  let epoch = 0;

  /** Whoever asks for the same while it is made waits for that one. */
  function joinFlight(name: string, order: Order, explain?: Explain): Promise<Assertion> {
    const underWay = flights.get(name);
    if (underWay !== undefined) return underWay;
    const flight = mintAnew(order, options, explain);
    flights.set(name, flight);
    const land = () => flights.delete(name);
    flight.then((assertion) => {
      land();
      cache.set(name, assertion);
    }, land);
    return flight;
  }

  return {
    get cacheSize() {
      return cache.size;
    },
    clear() {
      epoch += 1;
    },
    mint(token, route, explain) {
      const policy = policyOf(route);
      const key = policy.algorithm === 'none' ? null : keyring.active(policy.algorithm);
      const name = `${epoch}\n${keyring.generation}\n${cacheName(token, route, policy, key)}`;
      const known = cache.get(name);
      if (known !== undefined && isWorthSending(known, policy, subjectOf(token).expiresAtMs, clock())) {
        observe?.cacheHit();
        explain?.('mint', `made before, ${describe(known)}`);
        return known;
      }
      observe?.cacheMiss();
      return joinFlight(name, { token, route, policy, key }, explain);
    },
  };
}

function policyOf(route: Route): AssertionPolicy {
  if (route.assertion !== null) return route.assertion;
  throw new CountersignError('internal_error', 'nothing is minted on this route');
}

/** What an assertion depends on. Two requests with the same name may share one. */
function cacheName(
  token: VerifiedToken | null,
  route: Route,
  policy: AssertionPolicy,
  key: SigningKey | null,
): string {
  const claimsGeneration = policy.userClaims.retriever?.generation ?? 0;
  const caller = token === null ? 'anonymous' : `${token.realm.name}\n${token.id}`;
  return `${claimsGeneration}\n${key?.id ?? ''}\n${route.name}\n${caller}`;
}

function subjectOf(token: VerifiedToken | null): AssertionSubject {
  if (token === null) return { principal: ANONYMOUS, realm: null, expiresAtMs: Infinity };
  return { principal: token.principal, realm: token.realm, expiresAtMs: token.validity.expiresAtMs };
}

interface Order {
  readonly token: VerifiedToken | null;
  readonly route: Route;
  readonly policy: AssertionPolicy;
  /** Null: unsigned. */
  readonly key: SigningKey | null;
}

function userClaimsOf({ token, policy }: Order): UserClaims | null | Promise<UserClaims> {
  const { retriever } = policy.userClaims;
  return token === null || retriever === null ? null : retriever.retrieve(token.principal, token.realm);
}

async function mintAnew(order: Order, options: MinterOptions, explain?: Explain): Promise<Assertion> {
  const { token, route, policy, key } = order;
  const found = userClaimsOf(order);
  const userClaims = found instanceof Promise ? await found : found;
  const input: AssertionInput = {
    policy,
    route,
    userClaims,
    subject: subjectOf(token),
    nowMs: options.clock(),
    jti: options.randomId(),
  };
  const unsigned = fitting(input, key, options.log);
  logShadowed(unsigned.payload, route, options.log);
  explain?.('claims', unsigned.payload.text);
  const startMs = timeMs(options);
  const signature =
    key === null
      ? null
      : await signJws(key.algorithm, key.privateKey, Buffer.from(unsigned.signingInput, 'latin1'));
  const assertion = assertionOf(unsigned, signature, order);
  const signMs = key === null ? 0 : timeMs(options) - startMs;
  const { value, kid } = assertion;
  options.observe?.minted({ kid, algorithm: policy.algorithm, bytes: value.length, signMs });
  explain?.('mint', describe(assertion));
  return assertion;
}

function timeMs({ stopwatch, clock }: MinterOptions): number {
  return stopwatch === undefined ? clock() : stopwatch();
}

interface Unsigned {
  readonly payload: AssertionPayload;
  /** Header and payload, encoded and joined (RFC 7515 §5.1): ASCII. */
  readonly signingInput: string;
  readonly frame: AssertionFrame;
}

/** @throws CountersignError expired, assertion_too_large */
function fitting(input: AssertionInput, key: SigningKey | null, log: Logger): Unsigned {
  const { policy, route } = input;
  const whole = unsignedOf(input, key);
  if (sizeBytes(whole) <= policy.maxBytes) return whole;
  if (policy.onOversize === 'dropGroups') {
    const smaller = unsignedOf({ ...input, dropGroups: true }, key);
    if (sizeBytes(smaller) <= policy.maxBytes) {
      log.warn('Assertion was too large and is sent without groups', { route: route.name });
      return smaller;
    }
  }
  throw new CountersignError('assertion_too_large', `assertion exceeds ${policy.maxBytes} bytes`);
}

function unsignedOf(input: AssertionInput, key: SigningKey | null): Unsigned {
  const payload = assertionPayload(input);
  // A token accepted within the clock skew after its end has no life to give.
  if (payload.expiresAtMs <= input.nowMs)
    throw new CountersignError('expired', 'the token ends before an assertion could begin');
  const frame = assertionFrame(input.policy, key);
  return { payload, frame, signingInput: frame.header + frame.encode(Buffer.from(payload.text)) };
}

/** Bytes of the header value: all encodings are ASCII. */
function sizeBytes({ signingInput, frame }: Unsigned): number {
  return signingInput.length + 1 + frame.signatureCharacters;
}

/** `signature` null: unsigned. */
function assertionOf(
  { payload, signingInput, frame }: Unsigned,
  signature: Buffer | null,
  { policy, key }: Order,
): Assertion {
  const value = `${signingInput}.${signature === null ? '' : frame.encode(signature)}`;
  return Object.freeze({
    header: policy.header,
    value,
    kid: key?.id ?? null,
    expiresAtMs: payload.expiresAtMs,
  });
}

function logShadowed({ shadowed }: AssertionPayload, route: Route, log: Logger): void {
  if (shadowed.length === 0) return;
  log.debug('User claims left out: the gateway sets claims of these names', {
    route: route.name,
    claims: shadowed,
  });
}

function describe({ header, kid, expiresAtMs }: Assertion): string {
  return `${header}, ${kid === null ? 'unsigned' : `key ${kid}`}, until ${new Date(expiresAtMs).toISOString()}`;
}
