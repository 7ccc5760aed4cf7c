/** One request as a listener's handlers see it. */
import type { GatewayRequest } from '../../core/decision.ts';
import type { CountersignError } from '../../core/errors.ts';
import type { HeaderList } from '../../core/headers.ts';
import type { RequestBody } from './request-body.ts';

/** Who is at the other end of a connection. */
export interface Peer {
  /** As the socket says, or the PROXY header before it. */
  readonly address: string;
  readonly isTls: boolean;
}

export interface IncomingRequest extends GatewayRequest {
  /** Its name in the answer, in the log and at the upstream. */
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderList;
  readonly httpVersion: '1.0' | '1.1';
  readonly peer: Peer;
  /** Null: there is none. */
  readonly body: RequestBody | null;
  /** The client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** The body is short enough to be read where nobody wants it, so that the connection can be kept. */
  readonly isDrainable: boolean;
  /**
   * Why it may be answered but not served; null: it may. Its body was not read, and its connection ends with the answer.
   */
  readonly refusal: CountersignError | null;
}

/** What is known of a request that no handler sees; empty where it was not read. */
export type UnservedRequest = Pick<
  IncomingRequest,
  'id' | 'method' | 'target' | 'headers' | 'httpVersion' | 'peer'
>;

/** @throws CountersignError the refusal of the request */
export function requireServable({ refusal }: IncomingRequest): void {
  if (refusal !== null) throw refusal;
}
