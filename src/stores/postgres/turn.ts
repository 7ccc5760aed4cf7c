/** Gathers what is asked in one turn of the event loop, so that it can be asked together. */
import type { Outcome, Value } from '../driver.ts';

export interface Asked {
  readonly sql: string;
  readonly values: readonly Value[];
  resolve(outcome: Outcome | Promise<Outcome>): void;
  reject(error: unknown): void;
}

export class Turn {
  readonly #ask: (asked: readonly Asked[]) => Promise<void>;
  #asked: Asked[] = [];
  #isAsking = false;

  /** `ask` resolves each of them; where it rejects, the others do. Until then, the next ones gather. */
  constructor(ask: (asked: readonly Asked[]) => Promise<void>) {
    this.#ask = ask;
  }

  query(sql: string, values: readonly Value[] = []): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#asked.push({ sql, values, resolve, reject });
    if (!this.#isAsking) this.#askSoon();
    return promise;
  }

  #askSoon(): void {
    this.#isAsking = true;
    setImmediate(() => void this.#askAll());
  }

  async #askAll(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    try {
      await this.#ask(asked);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#isAsking = false;
    if (this.#asked.length > 0) this.#askSoon();
  }
}
