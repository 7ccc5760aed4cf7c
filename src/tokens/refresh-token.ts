/** A refresh token as it is stored: found by HMAC, its value sealed (settled decision 16). */
import type { MetaData } from '../objects/meta-data.ts';

export interface RefreshTokenRecord {
  /** UUID; the `sid` of access tokens that go with it. Stays when the value rotates. */
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  /** Null: a session token, which gives no application tokens. */
  readonly applicationId: string | null;
  /** HMAC-SHA256 of the current value, base64url. Unique among current and retired values. */
  readonly lookup: string;
  /** The current value under the master key, for answers that show it. */
  readonly sealedValue: string;
  /** How often the value rotated. Orders successors without a clock (security.md T06). */
  readonly sequence: number;
  /** Milliseconds. Life counts from here; sliding policies move it. */
  readonly startInstant: number;
  /** Milliseconds. */
  readonly insertInstant: number;
  /** Milliseconds: `exp` of the latest access token made with it, and clock skew. Revocation lasts that long. */
  readonly accessExpiresInstant: number;
  /** `auth_time` of its access tokens, in seconds. */
  readonly authTimeSeconds: number;
  /** `authenticationType` of its access tokens: PASSWORD, JWT, … */
  readonly authenticationType: string;
  readonly metaData: MetaData;
}

/** What a presented value is. */
export type FoundRefreshToken =
  | { readonly use: 'current'; readonly record: RefreshTokenRecord }
  /** A value that was rotated away. `retiredInstant` in milliseconds. */
  | { readonly use: 'retired'; readonly record: RefreshTokenRecord; readonly retiredInstant: number };
