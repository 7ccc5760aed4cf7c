/** What one client may ask of a listener before it is refused. */

/** Longest request target accepted: longer ones fill logs and no browser sends them. RFC 9112 §3 asks for 8000. */
export const TARGET_BYTES_MAX = 8192;

/** Compiled from `limits`, enforced by http/. */
export interface ListenerLimits {
  /** Header section with the request line. */
  readonly headerBytes: number;
  /** Header lines of one request. */
  readonly headerCount: number;
  /** Until the header section is complete. */
  readonly headersTimeoutMs: number;
  /** Until the request with its body is complete. */
  readonly requestTimeoutMs: number;
  /** A kept connection without a request, and a client that reads nothing of its response. */
  readonly idleTimeoutMs: number;
  /** Open connections of the listener; further ones are closed at once. */
  readonly connections: number;
}
