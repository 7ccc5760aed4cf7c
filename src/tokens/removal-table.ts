/** What was deleted while a part of what hangs on it may be left, as the store remembers it. */

export const REMOVAL_KINDS = ['tenants', 'applications', 'identityProviders'] as const;
export type RemovalKind = (typeof REMOVAL_KINDS)[number];

export interface Removal {
  readonly kind: RemovalKind;
  readonly id: string;
  /** Milliseconds. */
  readonly removedInstant: number;
}

export interface RemovalTable {
  /** Once more counts from now. */
  insert(removal: Removal): Promise<void>;
  /** Oldest first. */
  list(): Promise<readonly Removal[]>;
  /** False: it was not there. */
  delete(kind: RemovalKind, id: string): Promise<boolean>;
}
