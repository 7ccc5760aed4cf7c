/** One record for every request that was answered. No token, no query, no claim but the subject. */
import type { ErrorCode } from '../core/errors.ts';

export interface AccessRecord {
  /** Milliseconds since the epoch at which the request began. */
  readonly timeMs: number;
  readonly requestId: string;
  /** Empty where the request line could not be read. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** 499 where the client left before an answer was begun. */
  readonly status: number;
  readonly durationMs: number;
  /** From the start of forwarding to the head of the upstream's answer; null: not forwarded, or no answer. */
  readonly upstreamMs: number | null;
  /** `none`: no decision was needed or reached. */
  readonly verdict: 'allow' | 'deny' | 'shadow_deny' | 'none';
  /** Why the request was refused, would have been (shadow mode), or failed. */
  readonly reason: ErrorCode | 'client_closed' | null;
  /** Message of the failure, for the operator. */
  readonly detail: string | null;
  readonly route: string | null;
  readonly realm: string | null;
  /** Subject of the verified caller. */
  readonly user: string | null;
  readonly upstream: string | null;
  readonly clientAddress: string;
  /** Bytes of the response body. */
  readonly responseBytes: number;
}
