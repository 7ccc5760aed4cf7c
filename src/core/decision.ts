/** What the gateway decides about a request. No transport is visible here: every front end renders the same Decision. */
import { CountersignError } from './errors.ts';
import type { HeaderList } from './headers.ts';
import type { RequestTarget } from './path.ts';
import type { VerifiedToken } from './principal.ts';
import type { Realm } from './realm.ts';
import type { Route } from './route.ts';

/** A request as any front end can describe it. */
export interface GatewayRequest {
  readonly method: string;
  /** Request target as received (RFC 9112 §3.2). */
  readonly target: string;
  readonly headers: HeaderList;
  /** HTTP/1.0 requests may lack Host. */
  readonly httpVersion: '1.0' | '1.1' | '2';
}

/** The header that tells the upstream who calls. */
export interface Assertion {
  readonly header: string;
  readonly value: string;
  /** Kid of the key that signed it; null where unsigned. */
  readonly kid: string | null;
  readonly expiresAtMs: number;
}

export interface Deny {
  readonly verdict: 'deny';
  readonly error: CountersignError;
  /** Null where the request was refused before a route was found. */
  readonly route: Route | null;
  /** Null before a token verified. */
  readonly token: VerifiedToken | null;
}

/** What a route must carry is checked where an Allow is made, once, for every front end. */
export class Allow {
  readonly verdict = 'allow';
  readonly route: Route;
  readonly target: RequestTarget;
  readonly token: VerifiedToken | null;
  readonly assertion: Assertion | null;
  /** In shadow mode: the refusal that was not carried out. */
  readonly shadowed: CountersignError | null;
  readonly #made = true;

  private constructor(parts: AllowParts) {
    requireConsistent(parts);
    this.route = parts.route;
    this.target = parts.target;
    this.token = parts.token;
    this.assertion = parts.assertion;
    this.shadowed = parts.shadowed;
  }

  /** @throws CountersignError internal_error for a combination that would let a caller through unnamed. */
  static of(parts: AllowParts): Allow {
    return new Allow(parts);
  }

  /** True for values made here: a look-alike object has no private member. */
  static isAllow(value: object): value is Allow {
    return #made in value;
  }
}

interface AllowParts {
  readonly route: Route;
  readonly target: RequestTarget;
  readonly token: VerifiedToken | null;
  readonly assertion: Assertion | null;
  readonly shadowed: CountersignError | null;
}

/** The last line of defence: holds whatever the steps before it did. */
function requireConsistent({ route, token, assertion, shadowed }: AllowParts): void {
  if (shadowed === null) {
    if (route.auth === 'required' && token === null) throw inconsistent('allow without a token');
    if (mustCarry(route, token) && !isCarried(assertion)) throw inconsistent('allow without an assertion');
    if (!mustCarry(route, token) && assertion !== null) throw inconsistent('assertion where none is minted');
    return;
  }
  if (route.mode !== 'shadow') throw inconsistent('shadow verdict on an enforced route');
  if (shadowed.status >= 500) throw inconsistent('a failure is not let through in shadow mode');
  if (assertion !== null) throw inconsistent('assertion for a refused caller');
}

/** True where the upstream is promised an assertion: for every verified caller, and for anonymous ones by choice. */
function mustCarry(route: Route, token: VerifiedToken | null): boolean {
  if (route.assertion === null || route.auth === 'none') return false;
  return token !== null || route.assertion.anonymous;
}

/** Minters may be plain JavaScript (`middleware/`): undefined and an empty value are no assertion either. */
function isCarried(assertion: Assertion | null | undefined): boolean {
  return (assertion?.value ?? '') !== '';
}

function inconsistent(message: string): CountersignError {
  return new CountersignError('internal_error', message);
}

export type Decision = Allow | Deny;

/** Receives each step of a decision, for `countersign explain`. Text for the operator: claims, but no token. */
export type Explain = (step: string, detail: string) => void;

/** Checks a token against the realms of a route. Implemented in jwt/verify.ts. */
export interface TokenVerifier {
  /** @throws CountersignError with the 401 or 503 code that applies */
  verify(token: string, realms: readonly Realm[], explain?: Explain): VerifiedToken | Promise<VerifiedToken>;
}

/** Makes the assertion for a caller on a route. Implemented in jwt/mint.ts. */
export interface AssertionMinter {
  /**
   * `token` null: the anonymous caller.
   *
   * @throws CountersignError claims_unavailable, assertion_too_large
   */
  mint(token: VerifiedToken | null, route: Route, explain?: Explain): Assertion | Promise<Assertion>;
}
