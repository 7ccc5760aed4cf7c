/** The answer to a client as the upstream side sees it: a sink with backpressure that counts what it took. */
import { CountersignError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import type { ResponseSink } from '../forward/upstream.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';

export class AnswerSink implements ResponseSink {
  readonly #answer: AnswerWriter;
  /** Added to every answer. */
  readonly #requestId: string;
  readonly #clock: Clock;
  bytes = 0;
  /** When the head of the upstream's answer came; null: not yet. */
  startedAtMs: number | null = null;

  constructor(answer: AnswerWriter, requestId: string, clock: Clock) {
    this.#answer = answer;
    this.#requestId = requestId;
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#answer.isClosed;
  }

  start(status: number, headers: string[]): void {
    this.startedAtMs = this.#clock();
    headers.push('X-Request-Id', this.#requestId);
    try {
      this.#answer.begin(status, headers);
    } catch (cause) {
      const message = 'the head of the answer cannot be passed on';
      throw new CountersignError('upstream_protocol_error', message, { cause });
    }
  }

  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    return this.#answer.write(chunk);
  }

  end(): void {
    this.#answer.end();
  }

  abort(): void {
    this.#answer.abort();
  }

  onDrain(listener: () => void): void {
    this.#answer.onDrain(listener);
  }

  onClose(listener: () => void): void {
    this.#answer.onClose(listener);
  }
}
