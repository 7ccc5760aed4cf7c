/** One record for every call of the API that was answered. No token, no query, and no id: paths come as declared. */

export interface ApiRecord {
  /** Milliseconds since the epoch at which the request began. */
  readonly timeMs: number;
  readonly requestId: string;
  /** Null: no operation has this path and method. */
  readonly operationId: string | null;
  readonly method: string;
  /** With `{id}` in place of what varies; of an unknown path the beginning that operations have. */
  readonly path: string;
  readonly status: number;
  /** The client left before the answer. */
  readonly isClientGone: boolean;
  readonly durationMs: number;
  /** Why it was refused or failed, for the operator. */
  readonly reason: string | null;
  readonly clientAddress: string;
  /** Bytes of the response body. */
  readonly responseBytes: number;
}
