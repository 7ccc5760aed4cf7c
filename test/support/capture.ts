/** A client's side of an exchange that keeps what it is given, for tests that need no HTTP listener in front. */
import type { CountersignError } from '../../src/core/errors.ts';
import { compileHeaderPolicy } from '../../src/core/headers.ts';
import type { ResponseSink, Upstream, UpstreamRequest } from '../../src/forward/upstream.ts';

export class CapturingSink implements ResponseSink {
  isClosed = false;
  status = 0;
  isEnded = false;
  readonly #chunks: Buffer[] = [];
  #leave: () => void = () => {};

  get body(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  start(status: number): void {
    this.status = status;
  }

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return true;
  }

  end(): void {
    this.isEnded = true;
  }

  abort(): void {
    this.isClosed = true;
    this.#leave();
  }

  onDrain(): void {}

  onClose(listener: () => void): void {
    this.#leave = listener;
  }
}

const HEADER_POLICY = compileHeaderPolicy([]);

/** A GET for `/` without a body, or what the overrides make of it. */
export function requestFor(overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: 'GET',
    target: '/',
    headers: ['Host', 'first-target'],
    keepsHost: false,
    body: null,
    headerPolicy: HEADER_POLICY,
    assertionHeader: null,
    ...overrides,
  };
}

/** `200 body`, or the code of the failure. */
export async function outcomeOf(
  upstream: Upstream | undefined,
  overrides: Partial<UpstreamRequest> = {},
): Promise<string> {
  const sink = new CapturingSink();
  try {
    await upstream?.forward(requestFor(overrides), sink);
    return `${sink.status} ${sink.body}`;
  } catch (thrown) {
    return (thrown as CountersignError).code;
  }
}
