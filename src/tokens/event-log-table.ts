/** Entries for people, about what went wrong with foreign tokens, lambdas and the like, as the store keeps them. */

export const EVENT_LOG_TYPES = ['Information', 'Debug', 'Error'] as const;
export type EventLogType = (typeof EVENT_LOG_TYPES)[number];

export interface EventLog {
  /** Rises with each entry. */
  readonly id: number;
  /** Milliseconds. */
  readonly insertInstant: number;
  readonly type: EventLogType;
  /** For people. Never a token, a key or a secret. */
  readonly message: string;
}

export interface EventLogSearch {
  /** Part of the message, in any case; `*` stands for anything. */
  readonly message?: string;
  readonly type?: EventLogType;
  /** Milliseconds, inclusive. */
  readonly start?: number;
  readonly end?: number;
  readonly startRow: number;
  readonly numberOfResults: number;
}

export interface EventLogTable {
  insert(entry: Omit<EventLog, 'id'>): Promise<number>;
  get(id: number): Promise<EventLog | null>;
  /** Newest first. */
  search(
    search: EventLogSearch,
  ): Promise<{ readonly total: number; readonly eventLogs: readonly EventLog[] }>;
  /** Keeps the newest `keepCount`. */
  trim(keepCount: number): Promise<number>;
}
