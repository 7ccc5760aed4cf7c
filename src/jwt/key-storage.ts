/** Where generated signing keys are kept: a directory of one machine, or the store that instances share. */
import type { Logger } from '../core/log.ts';
import type { KeyEntry } from './key-index.ts';
import type { GeneratedKey } from './signing-key.ts';

export interface KeptKey {
  readonly entry: KeyEntry;
  /** PKCS#8 PEM, or the base64url of a secret. */
  readonly privateKey: string;
}

/** What a change leaves behind. */
export interface KeyChange<T> {
  /** In the place of those that were there. */
  readonly entries: readonly KeyEntry[];
  /** Of those entries that are new. */
  readonly made: readonly GeneratedKey[];
  readonly result: T;
}

export interface KeyStorage {
  /** For log lines. */
  readonly place: string;
  /** Before keys are made: makes the place where it is missing, and warns where others may read it. */
  prepare(log: Logger): Promise<void>;
  /** None where there are none yet. @throws KeyDirectoryError where they cannot be understood */
  entries(): Promise<readonly KeyEntry[]>;
  /** Of the entries that are wanted, as they are at one moment. @throws KeyDirectoryError */
  load(isWanted: (entry: KeyEntry) => boolean): Promise<readonly KeptKey[]>;
  /**
   * Of all processes one changes the keys at a time. `change` is given those that are there then, and may be called
   * again with others; what it throws is passed on, and nothing has changed. The same entries again: nothing is written.
   *
   * @throws KeyDirectoryError
   */
  change<T>(change: (present: readonly KeyEntry[]) => Promise<KeyChange<T>>): Promise<T>;
}

export interface KeyFiles extends KeyStorage {
  /**
   * The keys are kept elsewhere from now on: none are found here any more, and their files stay, for whoever needs them.
   * Not an error where it has been done already.
   */
  setAside(): Promise<void>;
}
