/** What the token service needs of a database for the login of a user who is linked: one look, and one change. */
import type { User } from '../objects/user.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import type { IdentityProviderLink } from './store.ts';

/** A user as found by a link, on the way into an application. */
export interface LinkedUser {
  readonly link: IdentityProviderLink;
  readonly user: User;
  readonly applicationId: string;
  readonly seen: SeenUser;
}

/** Opaque: what the store compares to tell whether it is still as it was read. Instants of logins are not in it. */
export interface SeenUser {
  readonly user: string;
  /** Null: the user is not registered with the application. */
  readonly registration: string | null;
}

/** A login that leaves user, registration and link as they are, but for its instant. */
export interface LinkedLogin {
  readonly linked: LinkedUser;
  readonly ipAddress: string | null;
  /** Milliseconds. */
  readonly instant: number;
  /** Null: the login gives none. */
  readonly refreshToken: RefreshTokenRecord | null;
}

export interface LoginTable {
  /** The user of a link, in one look. Null: there is no such link. */
  find(
    tenantId: string,
    identityProviderId: string,
    identityProviderUserId: string,
    applicationId: string,
  ): Promise<LinkedUser | null>;
  /**
   * The instant on user, registration and link, the login record and the refresh token: all of them while the user is
   * still linked and registered, and everything is as it was seen; other logins do not count. Else none, and false.
   *
   * @throws DuplicateError `refreshToken`
   */
  record(login: LinkedLogin): Promise<boolean>;
}
