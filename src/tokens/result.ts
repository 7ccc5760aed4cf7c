/** What use cases give back to the API: FusionAuth's shapes before they become JSON. */
import type { User } from '../objects/user.ts';

/** Tokens that go to a caller, and into its cookies. */
export interface IssuedTokens {
  readonly token: string;
  /** `exp` of `token`, in milliseconds. */
  readonly tokenExpirationInstant: number;
  /** Null: the application gives none, or the user is not registered. */
  readonly refreshToken: IssuedRefreshToken | null;
}

export interface IssuedRefreshToken {
  readonly id: string;
  readonly value: string;
  /** Milliseconds: end of life by the policy in force, for the cookie. */
  readonly expiresInstant: number;
}

/** Of login and reconcile. */
export interface LoginResult {
  readonly user: User;
  /** 200; 202 where the user is not registered with the application. */
  readonly status: 200 | 202;
  /** Null with `noJWT`. */
  readonly tokens: IssuedTokens | null;
}
