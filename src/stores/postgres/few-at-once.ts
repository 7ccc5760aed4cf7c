/** Work of which few at once may run: the rest waits for its turn, and not for long. */
import { StoreUnavailableError } from '../../tokens/store.ts';

/** As long as the pool lets anyone wait for a connection. */
const WAIT_MAX_MS = 5000;

export class FewAtOnce {
  readonly #runningMax: number;
  readonly #waitMaxMs: number;
  #running = 0;
  /** Lets in; in the order of their coming. */
  readonly #waiting = new Set<() => void>();

  constructor(runningMax: number, waitMaxMs: number = WAIT_MAX_MS) {
    this.#runningMax = runningMax;
    this.#waitMaxMs = waitMaxMs;
  }

  /** @throws StoreUnavailableError where its turn does not come: nothing was done then */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#entered();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #entered(): Promise<void> {
    if (this.#running < this.#runningMax) this.#running += 1;
    else await this.#letIn();
  }

  #letIn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#waiting.delete(letIn);
      reject(
        new StoreUnavailableError(`A change had to wait for others for more than ${this.#waitMaxMs} ms`),
      );
    }, this.#waitMaxMs);
    const letIn = () => {
      clearTimeout(timer);
      resolve();
    };
    this.#waiting.add(letIn);
    return promise;
  }

  /** Who waits takes the place: nobody who comes later does. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
