/** A health check as a request: what is asked, and a sink that keeps nothing but whether the answer is good. */
import { compileHeaderPolicy } from '../core/headers.ts';
import type { ResponseSink, UpstreamRequest } from './upstream.ts';

const HEADER_POLICY = compileHeaderPolicy([]);

export function probeRequest(path: string, authority: string): UpstreamRequest {
  return {
    method: 'GET',
    target: path,
    headers: ['Host', authority, 'User-Agent', 'countersign-health', 'Accept', '*/*'],
    keepsHost: false,
    body: null,
    headerPolicy: HEADER_POLICY,
    assertionHeader: null,
  };
}

export class ProbeSink implements ResponseSink {
  isClosed = false;
  /** True once the head of a 2xx or 3xx came: many applications answer `/` with a redirect to their login. */
  isGood = false;
  #leave: () => void = () => {};

  start(status: number): void {
    this.isGood = status >= 200 && status < 400;
  }

  write(): boolean {
    return true;
  }

  end(): void {}

  abort(): void {
    this.isClosed = true;
    this.#leave();
  }

  onDrain(): void {}

  onClose(listener: () => void): void {
    this.#leave = listener;
  }
}
