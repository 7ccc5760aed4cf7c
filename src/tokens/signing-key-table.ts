/** The keys that sign assertions, as the store holds them for all instances: one sealed list that it does not look into. */

/** Binds the list to its place: nothing else that was sealed opens as one. */
export const SIGNING_KEYS_CONTEXT = 'signing keys of assertions';

export interface StoredSigningKeys {
  /** Rises with each change, from 1. */
  readonly revision: number;
  readonly sealedKeys: string;
}

/** Every method may throw StoreUnavailableError. */
export interface SigningKeyTable {
  /** Null: nobody has made any yet. */
  get(): Promise<StoredSigningKeys | null>;
  /** Compare and set: only while the list is the one of this revision; 0: while there is none. False: someone was faster. */
  replace(revision: number, sealedKeys: string): Promise<boolean>;
}
