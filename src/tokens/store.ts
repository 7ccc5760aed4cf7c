/** What the token service needs of a database. stores/ implements it on SQLite and PostgreSQL; one contract suite holds both. */
import { MINUTE_MS } from '../core/time.ts';
import type { Registration, User } from '../objects/user.ts';
import type { Catalog, CatalogKind, CatalogObjects } from './catalog.ts';
import type { EventLogTable } from './event-log-table.ts';
import type { LoginTable } from './linked-login.ts';
import type { MasterKeyTable } from './master-key-table.ts';
import type { FoundRefreshToken, RefreshTokenRecord } from './refresh-token.ts';
import type { RemovalTable } from './removal-table.ts';
import type { SealedValueTable } from './sealed-values.ts';
import type { SigningKeyTable } from './signing-key-table.ts';
import type { WebhookDeliveryTable } from './webhook-delivery.ts';

/** The longest that a statement takes, such as the revocation of an application's million tokens; it fails then. */
export const LONG_STATEMENT_MAX_MS = 10 * MINUTE_MS;

/** The database cannot be reached, is full or failed. Nothing was written. Answered with 503. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** Something else has this id or name. `what` names it as the API does: `user.email`, `identityProvider.name`. */
export class DuplicateError extends Error {
  override readonly name = 'DuplicateError';
  readonly what: string;

  constructor(what: string) {
    super(`Duplicate ${what}`);
    this.what = what;
  }
}

/** A name that only one object may hold. `what` as in DuplicateError; `value` is compared byte by byte. */
export interface UniqueName {
  readonly what: string;
  readonly value: string;
}

/** Configuration objects. Each change raises the catalog's revision in its own transaction. */
export interface CatalogTable {
  load(): Promise<Catalog>;
  /** Until the end of the transaction nobody else changes the catalog. */
  lock(): Promise<void>;
  /** Cheap: asked again and again by every process. */
  revision(): Promise<number>;
  /** @throws DuplicateError for the id (`<kind>.id`) or one of the names */
  insert<Kind extends CatalogKind>(
    kind: Kind,
    object: CatalogObjects[Kind],
    names: readonly UniqueName[],
  ): Promise<void>;
  /**
   * Replaces the object and its names. `seen`: only where it is still this one. False: it is not there, or another.
   *
   * @throws DuplicateError
   */
  update<Kind extends CatalogKind>(
    kind: Kind,
    object: CatalogObjects[Kind],
    names: readonly UniqueName[],
    seen?: CatalogObjects[Kind],
  ): Promise<boolean>;
  delete(kind: CatalogKind, id: string): Promise<boolean>;
}

export interface UserTable {
  /** With its registrations. `lock`: until the end of the transaction no other one changes it. */
  get(id: string, options?: { readonly lock: true }): Promise<User | null>;
  /** `email` is compared in lower case. */
  findByEmail(tenantId: string, email: string): Promise<User | null>;
  /** Compared in lower case. */
  findByUsername(tenantId: string, username: string): Promise<User | null>;
  /** Tenants in which someone has this e-mail address or username. */
  tenantsOf(loginId: string): Promise<readonly string[]>;
  /** Registrations included. @throws DuplicateError `user.id`, `user.email`, `user.username` (unique in a tenant) */
  insert(user: User): Promise<void>;
  /** Without its registrations. False: there is none. @throws DuplicateError */
  update(user: User): Promise<boolean>;
  /** With its registrations, links, refresh tokens and login records; the caller locks the user and revokes first. */
  delete(id: string): Promise<boolean>;
  /** Whether the tenant has users. */
  hasAnyOf(tenantId: string): Promise<boolean>;
  /** At most `maxCount` users of the tenant, as `delete` does, and their sessions are revoked. Gives back how many. */
  deleteOfTenant(tenantId: string, nowMs: number, maxCount: number): Promise<number>;
  /** @throws DuplicateError `registration` where the user has one with the application */
  insertRegistration(userId: string, registration: Registration): Promise<void>;
  updateRegistration(userId: string, registration: Registration): Promise<boolean>;
  deleteRegistration(userId: string, applicationId: string): Promise<boolean>;
  /** Of any user, at most `maxCount`: the application is gone. Gives back how many. */
  deleteRegistrationsOf(applicationId: string, maxCount: number): Promise<number>;
}

/** At least one member is given; all given ones must match. */
export interface RefreshTokenFilter {
  readonly id?: string;
  readonly userId?: string;
  readonly applicationId?: string;
  readonly tenantId?: string;
}

/** What a use leaves behind. */
export interface RefreshTokenUse {
  readonly startInstant: number;
  readonly accessExpiresInstant: number;
  readonly metaData: RefreshTokenRecord['metaData'];
}

export interface RefreshTokenTable {
  /**
   * The user must be there: a token cannot outlive it.
   *
   * @param issuedFrom id of the session that this one was issued from, and ends with
   * @throws DuplicateError `refreshToken`
   */
  insert(record: RefreshTokenRecord, issuedFrom?: string): Promise<void>;
  get(id: string): Promise<RefreshTokenRecord | null>;
  /** By HMAC, among current and retired values; `retired` shows the record as it is now. */
  find(lookup: string): Promise<FoundRefreshToken | null>;
  /** With the user it belongs to, both as they were at one moment. */
  findWithUser(lookup: string): Promise<(FoundRefreshToken & { readonly user: User }) | null>;
  /** Newest first, at most `maxCount`. */
  list(
    filter: Pick<RefreshTokenFilter, 'userId' | 'tenantId'>,
    maxCount: number,
  ): Promise<readonly RefreshTokenRecord[]>;
  /**
   * Compare and set: the value becomes the next one only while `fromLookup` is the current one and the token is not
   * revoked. The old value is remembered as retired at `nowMs`. False: someone was faster, or it is revoked.
   */
  rotate(
    id: string,
    fromLookup: string,
    next: Pick<RefreshTokenRecord, 'lookup' | 'sealedValue'> & RefreshTokenUse,
    nowMs: number,
  ): Promise<boolean>;
  /** A use without rotation, under the same condition. `accessExpiresInstant` never goes back. */
  touch(id: string, lookup: string, use: RefreshTokenUse): Promise<boolean>;
  /**
   * Deletes what the filter names, and of one that `id` names all that were issued from it; records one revocation per
   * token whose access tokens may still live (until `accessExpiresInstant`), in one statement's lock. Gives back how many
   * tokens, and up to 1000 of them.
   */
  revoke(
    filter: RefreshTokenFilter,
    nowMs: number,
  ): Promise<{ readonly count: number; readonly records: readonly RefreshTokenRecord[] }>;
  /** Records a revocation of the access tokens of what the filter names, until `until` at least; the tokens stay. */
  endAccess(filter: RefreshTokenFilter, nowMs: number, until: number): Promise<void>;
  /**
   * Ended ones without an access token that lives: who revokes must find the others. At most `maxCount` a call;
   * `startedBefore` in milliseconds. Gives back how many.
   */
  deleteStartedBefore(
    applicationId: string | null,
    startedBefore: number,
    nowMs: number,
    maxCount: number,
  ): Promise<number>;
}

/** Access tokens whose refresh token was revoked. */
export interface Revocation {
  /** Id of the refresh token. */
  readonly sid: string;
  /** Milliseconds: the last of its access tokens is dead by then. */
  readonly until: number;
  /** Milliseconds, by the clock of the process that revoked, when it began to: seen by others up to LONG_STATEMENT_MAX_MS later. */
  readonly revokedInstant: number;
}

export interface RevocationTable {
  /** All that still matter and were revoked at or after the instant. */
  since(revokedInstant: number, nowMs: number): Promise<readonly Revocation[]>;
  /** Those that were over at the instant. */
  deleteEnded(instant: number): Promise<number>;
}

export interface IdentityProviderLink {
  readonly identityProviderId: string;
  /** The unique id at the provider. */
  readonly identityProviderUserId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly displayName: string | null;
  /** Milliseconds. */
  readonly insertInstant: number;
  readonly lastLoginInstant: number | null;
}

export interface LinkTable {
  get(
    tenantId: string,
    identityProviderId: string,
    identityProviderUserId: string,
  ): Promise<IdentityProviderLink | null>;
  list(userId: string, identityProviderId?: string): Promise<readonly IdentityProviderLink[]>;
  /** @throws DuplicateError `identityProviderLink` */
  insert(link: IdentityProviderLink): Promise<void>;
  touch(link: IdentityProviderLink, lastLoginInstant: number): Promise<boolean>;
  delete(tenantId: string, identityProviderId: string, identityProviderUserId: string): Promise<boolean>;
  /** Of any user, at most `maxCount`: the provider is gone. Gives back how many. */
  deleteOfProvider(identityProviderId: string, maxCount: number): Promise<number>;
}

export interface PendingLink {
  /** HMAC of the id that the client holds. */
  readonly lookup: string;
  readonly identityProviderId: string;
  readonly identityProviderUserId: string;
  readonly tenantId: string;
  readonly displayName: string | null;
  readonly email: string | null;
  readonly username: string | null;
  /** Milliseconds. */
  readonly expiresInstant: number;
}

export interface PendingLinkTable {
  insert(link: PendingLink): Promise<void>;
  /** Null past `expiresInstant`. */
  get(lookup: string, nowMs: number): Promise<PendingLink | null>;
  /** Exactly one caller gets it. */
  take(lookup: string, nowMs: number): Promise<PendingLink | null>;
  deleteEnded(nowMs: number): Promise<number>;
}

export interface LoginRecord {
  readonly tenantId: string;
  readonly userId: string;
  readonly applicationId: string | null;
  readonly ipAddress: string | null;
  /** Milliseconds. */
  readonly instant: number;
}

export interface LoginRecordTable {
  insert(record: LoginRecord): Promise<void>;
  /** Newest first. */
  list(userId: string, maxCount: number): Promise<readonly LoginRecord[]>;
  trim(beforeInstant: number, maxCount: number): Promise<number>;
}

/** The tables, seen from within one transaction or from without. Every method may throw StoreUnavailableError. */
export interface Records {
  readonly catalog: CatalogTable;
  readonly users: UserTable;
  readonly refreshTokens: RefreshTokenTable;
  readonly revocations: RevocationTable;
  readonly links: LinkTable;
  readonly pendingLinks: PendingLinkTable;
  readonly eventLogs: EventLogTable;
  readonly loginRecords: LoginRecordTable;
  readonly logins: LoginTable;
  readonly signingKeys: SigningKeyTable;
  readonly webhookDeliveries: WebhookDeliveryTable;
  readonly removals: RemovalTable;
  readonly masterKeys: MasterKeyTable;
  readonly sealedValues: SealedValueTable;
}

export interface Store extends Records {
  /**
   * All or nothing, durable once resolved. A rejection of `work` rolls back and is passed on. `work` may run again
   * where the database asks for it (deadlocks), so it must not have other effects. The first statement that fails is the
   * end of it, also where the work catches the error. Between two statements others may commit, on PostgreSQL (READ
   * COMMITTED): what must not change meanwhile is locked, or compared and set: the user first, then links, registrations and
   * tokens of the user, or two that wait for each other are a deadlock. Work that asks nothing for 10 s is given up.
   */
  transaction<T>(work: (records: Records) => Promise<T>): Promise<T>;
  /** Tells of changes by other processes (catalog, revocations): a hint to look, at most a second late or never. Gives back its end. */
  onNotice(listener: () => void): () => void;
  /** Resolves when the database answers. @throws StoreUnavailableError */
  ping(): Promise<void>;
  close(): Promise<void>;
}
