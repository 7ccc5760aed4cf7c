/** Which master keys seal what the store holds, as the store remembers it: by ids, which tell nothing of the keys. */

export interface UsedMasterKey {
  readonly id: string;
  /** Milliseconds: when a process last said that it seals with it. 0: none has said so. */
  readonly usedInstant: number;
}

/** Keys under which something may be sealed. Every method may throw StoreUnavailableError. */
export interface MasterKeyTable {
  list(): Promise<readonly UsedMasterKey[]>;
  /** A process seals with it: what others have sealed anew is not all there is, and they begin again. */
  use(id: string, nowMs: number): Promise<void>;
  /** Something may be sealed under it, by nobody who runs. Without effect where it is known. */
  note(id: string): Promise<void>;
  /** How far everything is sealed under this key: what `advance` has said, at first the empty text. */
  progress(id: string): Promise<string>;
  /** Compare and set, so that one process at a time gets on. False: another one did, or has to begin again. */
  advance(id: string, from: string, to: string): Promise<boolean>;
  /** Nothing is sealed under it. False: it was used at or after the instant, or is not known. */
  forget(id: string, usedBefore: number): Promise<boolean>;
  /** What look-ups are made with, sealed. Null: there is none yet. */
  lookupKey(): Promise<string | null>;
  /** Without effect where there is one. */
  insertLookupKey(sealedKey: string): Promise<void>;
}
