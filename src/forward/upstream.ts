/** The port between the HTTP edge and the upstream side: what is sent, and where the response goes. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { CountersignError } from '../core/errors.ts';
import type { HeaderPolicy } from '../core/headers.ts';
import type { BreakerState } from './breaker.ts';

/** A request as the upstream will receive it. Nothing is added or removed after this, but Host may change its value. */
export interface UpstreamRequest {
  readonly method: string;
  /** Origin-form: path and query. */
  readonly target: string;
  /** Names and values in turn, Host first, the assertion last. */
  readonly headers: string[];
  /** False: Host names the upstream, and becomes that of the target which takes the request. */
  readonly keepsHost: boolean;
  /** Null where the request has no body. An error on it aborts the upstream request. */
  readonly body: Readable | null;
  /** Decides which response headers reach the client. */
  readonly headerPolicy: HeaderPolicy;
  /** Name of the header that carries the assertion; null where there is none. */
  readonly assertionHeader: string | null;
}

/** An `Upgrade: websocket` request that was let through. */
export interface UpgradeRequest extends Omit<UpstreamRequest, 'body'> {
  /** The client's connection: paused, and read up to the head. */
  readonly socket: Socket;
  /** Called at once, before the socket is closed: the only moment at which the client can be answered. */
  readonly onFailure: (error: CountersignError) => void;
  /** Takes what is to be said to the client when the listener closes; calls it at once where it is closing already. */
  readonly onShutdown: (goodbye: () => void) => void;
}

/** The client's side of an exchange, as the HTTP engine offers it. */
export interface ResponseSink {
  /** True once the client has gone. */
  readonly isClosed: boolean;
  /** @throws CountersignError upstream_protocol_error for a status or header that HTTP does not allow */
  start(status: number, headers: string[]): void;
  /** False: wait for the drain before the next chunk. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** Cuts the connection, so that a started response never looks complete (RFC 9112 §8). */
  abort(): void;
  onDrain(listener: () => void): void;
  /** Called when the client goes before the response is complete. */
  onClose(listener: () => void): void;
}

/** How a target is, for metrics and the operator. */
export interface TargetStatus {
  readonly upstream: string;
  /** URL as configured. */
  readonly target: string;
  readonly isHealthy: boolean;
  readonly breaker: BreakerState;
}

export interface Upstream {
  readonly name: string;
  /** Host header of requests that do not keep the client's, until a target is chosen. */
  readonly authority: string;
  /** Begins health checks. */
  startChecks(): void;
  /** Ends them. What they found last stays. */
  stopChecks(): void;
  /** One for each target; empty where there are none. */
  status(): readonly TargetStatus[];
  /**
   * Resolves when the response has been handed to the sink whole.
   *
   * @throws CountersignError upstream_unreachable, upstream_timeout, upstream_protocol_error; upstream_unavailable
   * where no target is to be asked now
   */
  forward(request: UpstreamRequest, sink: ResponseSink): Promise<void>;
  /**
   * Resolves when the tunnel is closed, when another answer has been handed to the sink, or after `onFailure`.
   *
   * @throws CountersignError upstream_unavailable
   */
  upgrade(request: UpgradeRequest, sink: ResponseSink): Promise<void>;
  /** Ends idle connections now and the others when their request is done. */
  close(): Promise<void>;
}
