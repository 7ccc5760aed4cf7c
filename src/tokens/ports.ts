/** What the token service asks of other rooms: signatures, randomness, webhooks, lambdas. app/ plugs them in. */
import type { JsonObject } from '../core/json.ts';
import type { Application } from '../objects/application.ts';
import type { Key, KeyAlgorithm } from '../objects/key.ts';
import type { Registration, User } from '../objects/user.ts';
import type { EventType } from '../objects/webhook.ts';
import type { Records } from './store.ts';

export interface Random {
  /** UUID version 4. */
  uuid(): string;
  /** Base64url of so many bytes of a secure source. */
  token(bytes: number): string;
}

/** Keeps secrets unreadable in the database: AES-256-GCM under a key derived from the master key, HMAC-SHA256 for look-ups. */
export interface Sealer {
  /** `context` is bound in: a value moved to another row or column does not open. */
  seal(plaintext: string, context: string): string;
  /** @throws Error where the text was altered, moved or sealed under another master key */
  open(sealed: string, context: string): string;
  /** What finds a value without showing it; `purpose` separates tables. Base64url. */
  lookup(value: string, purpose: string): string;
  /** Names the master key that seals. 16 hexadecimal digits, which tell nothing of it. */
  readonly keyId: string;
  /** Names those that open only. */
  readonly previousKeyIds: readonly string[];
  /** As `open`, and by which key. Null: it opens with none of them. */
  unseal(sealed: string, context: string): Unsealed | null;
}

export interface Unsealed {
  readonly plaintext: string;
  /** Of the master key that sealed it. */
  readonly keyId: string;
}

/** A key as it was made or read; `privateKey` is PKCS#8 PEM or the secret's text, not sealed yet. */
export interface KeyMaterial {
  readonly algorithm: KeyAlgorithm;
  /** Proposed: from the key itself. */
  readonly kid: string;
  readonly bits: number | null;
  readonly publicKey: string | null;
  readonly privateKey: string | null;
  readonly certificate: string | null;
  readonly x5t: string | null;
  readonly x5tS256: string | null;
}

/** Key policy and key making, of the jwt room. */
export interface KeyFactory {
  /** `length`: bits, RSA only. @throws ServiceError 400 for what is not made here */
  generate(algorithm: KeyAlgorithm, length?: number): Promise<KeyMaterial>;
  /** Exactly one of the texts. @throws ServiceError 400 for weak, unreadable and unfit keys */
  read(given: GivenKey, algorithm?: KeyAlgorithm): Promise<KeyMaterial>;
}

export interface GivenKey {
  readonly privateKey?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly certificate?: string | undefined;
  readonly secret?: string | undefined;
}

/** Compact JWS (RFC 7515 §7.1), off the event loop where it costs. */
export interface TokenSigner {
  /** `alg`, `typ` and `kid` come from the key; `header` adds to them. @throws Error where the key cannot sign */
  sign(key: Key, header: JsonObject, claims: JsonObject): Promise<string>;
}

/** Why a token was not accepted; for log and event log only. */
export class TokenRejectedError extends Error {
  override readonly name = 'TokenRejectedError';
}

export interface VerifiedToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

export interface TokenVerifier {
  /**
   * Strict compact JWS, signature by one of the keys that match the header's `kid` and `alg`, `exp` and `nbf` in force
   * (`exp` required). Tokens of our own are shown again and again: one that was verified is remembered, and taken for as
   * long as its time lasts and the key of its signature is among those of `keysOf`.
   *
   * @param keysOf by which keys a token with these claims may be signed now; the claims are not proven yet
   * @throws TokenRejectedError; what `keysOf` throws
   */
  verifyOwn(
    token: string,
    keysOf: (claims: JsonObject) => readonly Key[],
    nowMs: number,
  ): VerifiedToken | Promise<VerifiedToken>;
}

/** Which sessions were ended while access tokens of theirs may live. Kept in memory, a second behind other processes. */
export interface Revocations {
  /** `sid` of an access token: the id of its refresh token. */
  isRevoked(sid: string): boolean;
  /** False: the store has not answered for some seconds, so a verdict would be a guess. */
  isCurrent(): boolean;
  /** Looks again, after a revocation by this process; `sinceInstant`: when it began, where it may have taken long. */
  refresh(sinceInstant?: number): Promise<void>;
}

/** An event before it is sent; `id`, `createInstant` and `type` are added. */
export interface ServiceEvent {
  readonly type: EventType;
  readonly tenantId: string;
  readonly body: JsonObject;
}

/** Webhooks (tokens/events/). A change that tells of itself is written between the two. */
export interface Events {
  /**
   * Before the commit: asks the webhooks of a transactional event.
   *
   * @throws ServiceError 504 where too few took it
   */
  prepare(event: ServiceEvent): Promise<PreparedEvent>;
}

export interface PreparedEvent {
  /** Within the change's transaction: what still has to be sent is written with it. */
  record(records: Records): Promise<void>;
  /** Nobody is to be told: the change needs no transaction for the event's sake. */
  readonly isNothing?: true;
}

/** User code (identity-providers/lambda/). */
export interface Lambdas {
  /** What makes the body no program, for its author; null where it is one. Nothing of it is run. */
  mistakeIn(body: string): Promise<string | null>;
  /**
   * JWTPopulate: the claims as the lambda left them, before reserved ones are put back.
   *
   * @throws ServiceError 500 past its time or memory limit, or where it throws
   */
  populate(lambdaId: string, input: PopulateInput): Promise<JsonObject>;
  /**
   * ExternalJWTReconcile: user and registration as the lambda left them, with only what it may change changed.
   *
   * @throws ServiceError 401 where it throws or leaves what is no user; 500 past its time or memory limit
   */
  reconcile(lambdaId: string, input: ReconcileLambdaInput): Promise<ReconciledUser>;
}

export interface ReconciledUser {
  readonly user: User;
  readonly registration: Registration;
}

export interface ReconcileLambdaInput extends ReconciledUser {
  /** Of the foreign token, verified. Read-only to the lambda. */
  readonly claims: JsonObject;
  readonly application: Application;
}

export interface PopulateInput {
  readonly claims: JsonObject;
  readonly user: User;
  readonly registration: Registration;
  readonly application: Application;
}
