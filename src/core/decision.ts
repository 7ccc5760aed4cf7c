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

/** Made by `allow()` only: what a route must carry is checked there, once, for every front end. */
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
    this.route = parts.route;
    this.target = parts.target;
    this.token = parts.token;
    this.assertion = parts.assertion;
    this.shadowed = parts.shadowed;
  }

  static of(parts: AllowParts): Allow {
    const { route, token, assertion, shadowed } = parts;
    const isLetThrough = route.auth !== 'required' || shadowed !== null;
    if (token === null && !isLetThrough)
      throw new CountersignError('internal_error', 'allow without a token');
    if (shadowed !== null && route.mode !== 'shadow')
      throw new CountersignError('internal_error', 'shadow verdict on an enforced route');
    const mustCarry =
      token !== null && shadowed === null && route.assertion !== null && route.auth !== 'none';
    if (mustCarry && assertion === null)
      throw new CountersignError('internal_error', 'allow without an assertion');
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
