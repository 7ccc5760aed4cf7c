/** A realm: one issuer, what its tokens must satisfy, and how its claims become a principal. Keys live elsewhere. */
import type { ClaimPath } from './claim-path.ts';
import type { TokenLocation } from './credential.ts';

/** JWS algorithms a realm or an assertion may use (RFC 7518 §3.1, RFC 8037). `none` is not among them. */
export const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** RFC 7518 §3.2: a shared secret has at least the size of the hash output. In bytes. */
export const SECRET_BYTES_MIN: ReadonlyMap<Algorithm, number> = new Map([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
]);

export interface Realm {
  readonly name: string;
  /** Tokens of our own token service: each belongs to an application. */
  readonly isSelf: boolean;
  /** Compared with `iss` byte for byte. */
  readonly issuer: string;
  /** Any of these must stand in `aud`; empty: not checked. */
  readonly audiences: readonly string[];
  /** Accepted header `typ`, lower case, without `application/`; empty: JWT, at+jwt or none. */
  readonly types: readonly string[];
  /** Accepted algorithms; each key still allows only its own. */
  readonly algorithms: readonly Algorithm[];
  /** `{"alg":"none"}` is accepted. Only without keys. */
  readonly allowUnsigned: boolean;
  readonly requireExpiration: boolean;
  readonly requiredClaims: readonly ClaimPath[];
  readonly clockSkewMs: number;
  /** Oldest accepted `iat`; null: not checked. */
  readonly maxAgeMs: number | null;
  readonly iatUnit: 'auto' | 'seconds' | 'milliseconds';
  readonly subjectClaim: ClaimPath;
  readonly groupsClaim: ClaimPath | null;
  readonly scopesClaim: ClaimPath;
  /** Claim whose names are roles as they stand there; null: roles come from groups only. */
  readonly rolesClaim: ClaimPath | null;
  /** Given to every authenticated caller of the realm. */
  readonly defaultRoles: readonly string[];
  readonly rolesOfGroup: ReadonlyMap<string, readonly string[]>;
  /** Incoming claim name to name in the assertion. */
  readonly claimMapping: ReadonlyMap<string, string>;
  readonly unmappedClaims: 'pass' | 'drop' | 'prefix';
  readonly tokenFrom: readonly TokenLocation[];
}
