/** The port through which key sets and discovery metadata are fetched. */

export interface DocumentRequest {
  readonly url: string;
  /** Sent as If-None-Match; null: unconditional. */
  readonly etag: string | null;
  /** For the whole exchange: resolve, connect, headers and body. */
  readonly timeoutMs: number;
  /**
   * What another process began to fetch no longer before this call will do; 0: nothing that was asked for earlier.
   * Absent: however long ago, if it is news to the caller.
   */
  readonly maxAgeMs?: number;
  /** URL of the document that names this one; absent: the operator does. Who is elsewhere cannot send us to ourselves. */
  readonly namedBy?: string;
}

export type FetchedDocument = {
  /** Since it was fetched, where that was not for this call; absent: just now, by this call. */
  readonly ageMs?: number;
} & (
  | {
      readonly status: 200;
      readonly body: string;
      readonly etag: string | null;
      /** `max-age` of Cache-Control, 0 for `no-store` and `no-cache`; null where nothing is said. */
      readonly cacheMaxAgeMs: number | null;
    }
  | { readonly status: 304; readonly cacheMaxAgeMs: number | null }
);

/** Rejects with an Error whose message names the cause for the operator: DNS, TLS, timeout, status, size. */
export type DocumentFetcher = (wanted: DocumentRequest) => Promise<FetchedDocument>;
