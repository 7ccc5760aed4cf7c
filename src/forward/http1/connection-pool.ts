/** The connections to one target: kept ones first, the last used before the others, and no more than the bound. */
import { CountersignError } from '../../core/errors.ts';
import { type Clock, MINUTE_MS } from '../../core/time.ts';
import type { Connect, Link } from './connect.ts';
import { Connection, type ConnectionOwner, type ConnectionTimeouts } from './connection.ts';

/** What wants a connection: exactly one of the two is called, at once or later. */
export interface Claimant {
  /** The connection is the claimant's until its request is over, or until it rests unused. */
  onConnected(connection: Connection): void;
  onUnconnected(thrown: unknown): void;
}

export interface PoolBounds {
  /** Connections that stand or are being made. */
  readonly connections: number;
  /** Claimants that wait for one of them. */
  readonly waiting: number;
}

/** As many as a listener takes by default. A target that is one address and port could not have three times as many. */
const BOUNDS: PoolBounds = { connections: 10_000, waiting: 1000 };

/** A name that resolves to another address is followed within this time, also where connections are never idle. */
const CONNECTION_AGE_MS = MINUTE_MS;

const NOT_NEEDED = new Error('the connection is not needed any more');

export interface PoolOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  /** `connectMs`: also how long a claimant waits where all connections are taken. */
  readonly timeouts: ConnectionTimeouts & { readonly connectMs: number };
  readonly bounds?: PoolBounds;
}

export class ConnectionPool implements ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #bounds: PoolBounds;
  readonly #open = new Set<Connection>();
  /** The last used one is taken first, so that those which are not needed grow old. */
  readonly #idle: Connection[] = [];
  readonly #waiting = new Map<Claimant, NodeJS.Timeout>();
  #connecting = 0;
  #isClosing = false;
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#bounds = options.bounds ?? BOUNDS;
  }

  acquire(claimant: Claimant): void {
    const kept = this.#takeIdle();
    if (kept !== null) claimant.onConnected(kept);
    else if (this.#isClosing) claimant.onUnconnected(new Error('connections are being closed'));
    else if (this.#hasRoom()) this.#connect(claimant);
    else this.#wait(claimant);
  }

  /** Ends the wait of a claimant that stands in the queue; one whose connection is being made gets it all the same. */
  leave(claimant: Claimant, reason: Error): void {
    if (this.#forget(claimant)) claimant.onUnconnected(reason);
  }

  onIdle(connection: Connection): void {
    const isOld = this.#isOld(connection);
    const claimant = isOld ? null : this.#nextWaiting();
    if (claimant !== null) claimant.onConnected(connection);
    else if (isOld || this.#isClosing) connection.abort(NOT_NEEDED);
    else this.#idle.push(connection);
  }

  onClosed(connection: Connection): void {
    this.#open.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    this.#changed();
  }

  /** Closes idle connections now and the others when nobody needs them. Resolves when all are closed. */
  close(): Promise<void> {
    this.#isClosing = true;
    for (const connection of this.#idle.splice(0)) connection.abort(NOT_NEEDED);
    this.#changed();
    return this.#closed.promise;
  }

  #takeIdle(): Connection | null {
    for (let next = this.#idle.pop(); next !== undefined; next = this.#idle.pop()) {
      if (next.isUsable && !this.#isOld(next)) return next;
      next.abort(NOT_NEEDED);
    }
    return null;
  }

  #isOld(connection: Connection): boolean {
    return this.#options.clock() - connection.openedAtMs > CONNECTION_AGE_MS;
  }

  #hasRoom(): boolean {
    return this.#open.size + this.#connecting < this.#bounds.connections;
  }

  #connect(claimant: Claimant): void {
    this.#connecting += 1;
    this.#options.connect((outcome) => {
      this.#connecting -= 1;
      if (outcome instanceof Error) {
        claimant.onUnconnected(outcome);
        this.#changed();
      } else claimant.onConnected(this.#add(outcome));
    });
  }

  #add(link: Link): Connection {
    const { timeouts, clock } = this.#options;
    const connection = new Connection(link, timeouts, this, clock());
    this.#open.add(connection);
    return connection;
  }

  #wait(claimant: Claimant): void {
    if (this.#waiting.size >= this.#bounds.waiting) {
      claimant.onUnconnected(busy('and too many requests wait for one'));
      return;
    }
    const { connectMs } = this.#options.timeouts;
    const timer = setTimeout(() => this.leave(claimant, busy(`for ${connectMs} ms`)), connectMs);
    this.#waiting.set(claimant, timer);
  }

  #nextWaiting(): Claimant | null {
    if (this.#waiting.size === 0) return null;
    const [claimant] = this.#waiting.keys();
    if (claimant === undefined) return null;
    this.#forget(claimant);
    return claimant;
  }

  #forget(claimant: Claimant): boolean {
    clearTimeout(this.#waiting.get(claimant));
    return this.#waiting.delete(claimant);
  }

  /** A connection went, or could not be had: there may be room for who waits, or an end of the closing. */
  #changed(): void {
    const claimant = this.#hasRoom() ? this.#nextWaiting() : null;
    if (claimant !== null) this.#connect(claimant);
    else if (this.#isClosing && this.#open.size + this.#connecting === 0) this.#closed.resolve();
  }
}

/** Not the target's fault: it answers other requests meanwhile, so that its breaker must not count this. */
function busy(why: string): CountersignError {
  return new CountersignError('upstream_unavailable', `all connections are taken, ${why}`, {
    retryAfterSeconds: 1,
  });
}
