/** Short work on the event loop itself, a little in each of its turns, so that requests and answers pass in between. */

export class LoopTurns {
  readonly #tasksPerTurn: number;
  readonly #waiting: (() => void)[] = [];

  /** `tasksPerTurn`: at least 1. */
  constructor(tasksPerTurn: number) {
    this.#tasksPerTurn = tasksPerTurn;
  }

  /** Settles as the task does, never before this turn's input has been read. In the order of asking. */
  run<T>(task: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.push(() => {
        try {
          resolve(task());
        } catch (error) {
          reject(error);
        }
      });
      if (waiting === 1) setImmediate(() => this.#turn());
    });
  }

  #turn(): void {
    for (const task of this.#waiting.splice(0, this.#tasksPerTurn)) task();
    if (this.#waiting.length > 0) setImmediate(() => this.#turn());
  }
}
