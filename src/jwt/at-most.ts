/** Runs at most so many tasks at a time; the others wait in the order in which they came. */

export class AtMost {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `limit`: at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Settles as the task does. Who asks bounds how many wait: here that is one a request. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // takes the place over
    }
  }
}
