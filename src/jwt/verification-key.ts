/** Keys that check signatures, and the two places they come from: the configuration, or a key set behind a URL. */
import type { KeyObject } from 'node:crypto';
import type { Algorithm } from '../core/realm.ts';

/** A key that passed the key policy. It says which algorithms it serves; a token never does. */
export interface VerificationKey {
  /** Null: matches tokens without `kid`, and any `kid` where it is the only configured key. */
  readonly kid: string | null;
  readonly algorithms: readonly Algorithm[];
  readonly key: KeyObject;
  /** SHA-256 over what identifies the key (RFC 7638 for asymmetric keys). Never logged for secrets. */
  readonly thumbprint: string;
}

export type KeySetState = 'loading' | 'fresh' | 'stale' | 'expired';

/** Why a key of a set was left out, for log, readiness and `countersign keys list`. */
export interface RejectedKey {
  readonly kid: string | null;
  readonly reason: string;
}

export interface KeySetStatus {
  readonly url: string;
  readonly state: KeySetState;
  readonly kids: readonly string[];
  readonly rejected: readonly RejectedKey[];
  /** Null before the first good fetch. */
  readonly fetchedAtMs: number | null;
  readonly nextFetchAtMs: number | null;
  /** Cause of the last failed fetch, for the operator: DNS, TLS, status, parse error. Null after a good one. */
  readonly lastError: string | null;
}

/** One key set behind one URL, shared by the realms that name it. */
export interface KeySet {
  readonly url: string;
  /** Rises when the keys change: verdicts reached under an older generation are checked again. */
  readonly generation: number;
  /**
   * The keys a token with this kid may have been signed by: those with the kid; for a token without kid, the keys
   * of the set where it has exactly one. An unknown kid waits for a throttled fetch. Synchronous when known.
   *
   * @throws CountersignError keys_unavailable (with retryAfterSeconds) without a good set, unknown_kid after the fetch
   */
  find(kid: string | null): readonly VerificationKey[] | Promise<readonly VerificationKey[]>;
  /**
   * Asked on every cache hit.
   *
   * @throws CountersignError keys_unavailable once the last good set is older than `maxStale`
   */
  requireUsable(): void;
  status(): KeySetStatus;
}
