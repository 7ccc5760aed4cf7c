/** Tenants that were deleted while users of theirs may be left, as the store remembers them. */

/** A tenant that was deleted, of which users may be left. */
export interface RemovedTenant {
  readonly id: string;
  /** Milliseconds. */
  readonly removedInstant: number;
}

export interface RemovedTenantTable {
  /** Once more counts from now. */
  insert(id: string, removedInstant: number): Promise<void>;
  list(): Promise<readonly RemovedTenant[]>;
  /** False: it was not there. */
  delete(id: string): Promise<boolean>;
}
