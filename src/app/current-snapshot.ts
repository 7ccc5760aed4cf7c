/** The snapshot that requests begin on, and how another one takes its place. */
import type { Logger } from '../core/log.ts';
import { KEYS_RELOAD_MS } from '../jwt/key-lifecycle.ts';
import { type HeldSnapshot, holdable } from './held-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

export class CurrentSnapshot {
  #current: HeldSnapshot;
  /** Replaced, with requests still running on them. */
  readonly #retired = new Set<HeldSnapshot>();
  readonly #listeners: ((current: HeldSnapshot) => void)[] = [];
  readonly #keysTimer: NodeJS.Timeout;
  readonly #log: Logger;

  constructor(first: Snapshot, log: Logger) {
    this.#current = holdable(first);
    this.#log = log;
    first.upstreams.startChecks();
    this.#keysTimer = setInterval(() => void this.#current.keyring.reload(), KEYS_RELOAD_MS).unref();
  }

  get current(): HeldSnapshot {
    return this.#current;
  }

  /** Requests that have begun end on the snapshot they began with. */
  swap(next: Snapshot): void {
    const old = this.#current;
    this.#current = holdable(next);
    next.upstreams.startChecks();
    old.upstreams.stopChecks();
    for (const listener of this.#listeners) listener(this.#current);
    void this.#retire(old);
  }

  async #retire(old: HeldSnapshot): Promise<void> {
    this.#retired.add(old);
    await old.retire().catch(({ message }: Error) => {
      this.#log.error('An old configuration could not be closed', { cause: message });
    });
    this.#retired.delete(old);
  }

  /** Called whenever another snapshot has come into use. */
  onSwap(listener: (current: HeldSnapshot) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    clearInterval(this.#keysTimer);
    await Promise.all([this.#current, ...this.#retired].map((snapshot) => snapshot.close()));
  }
}
