/**
 * A deadline that is set again and again and rarely reached. Restarting moves the timer, it does not make a new one,
 * and nothing cancels it when a request is done in time: who is called asks whether the deadline still means something.
 */
export class RestartedTimer {
  readonly #onTime: () => void;
  #durationMs: number;
  #timer: NodeJS.Timeout | null = null;
  #isCancelled = false;

  constructor(durationMs: number, onTime: () => void) {
    this.#durationMs = durationMs;
    this.#onTime = onTime;
  }

  /** Calls `onTime` after the duration, counted from now. Another duration than before holds from then on. */
  restart(durationMs = this.#durationMs): void {
    if (this.#isCancelled) return;
    if (this.#timer !== null && durationMs === this.#durationMs) {
      this.#timer.refresh();
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#durationMs = durationMs;
    this.#timer = setTimeout(() => this.#onTime(), durationMs);
    this.#timer.unref();
  }

  /** For good. */
  cancel(): void {
    this.#isCancelled = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
