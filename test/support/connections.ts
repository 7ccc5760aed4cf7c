/** A pool of connections to a server of the test, and what requests over it came to. */
import type { Readable } from 'node:stream';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import { createConnect } from '../../src/forward/http1/connect.ts';
import type { AnswerHandler, Connection } from '../../src/forward/http1/connection.ts';
import { type Claimant, ConnectionPool, type PoolBounds } from '../../src/forward/http1/connection-pool.ts';
import { requestHead } from '../../src/forward/http1/request-head.ts';
import { originOf } from '../../src/forward/origin.ts';
import { type FakeClock, fakeClock } from './clock.ts';
import { TIMEOUTS, TLS } from './edge.ts';

export interface TestPool {
  readonly pool: ConnectionPool;
  readonly clock: FakeClock;
}

export function poolTo(
  url: string,
  { timeouts = {}, bounds }: { timeouts?: Partial<UpstreamSettings['timeouts']>; bounds?: PoolBounds } = {},
): TestPool {
  const clock = fakeClock();
  const all = { ...TIMEOUTS, ...timeouts };
  const connect = createConnect(originOf(url, null), { timeouts: all, tls: TLS });
  const pool = new ConnectionPool({
    connect,
    clock,
    timeouts: all,
    ...(bounds === undefined ? {} : { bounds }),
  });
  return { pool, clock };
}

export interface AskOptions {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  readonly body?: Readable | null;
  /** False: after each piece it waits for `resume()`. */
  readonly isEager?: boolean;
}

/** One request: takes a connection, sends, and keeps the answer. */
export class Asked implements Claimant, AnswerHandler {
  readonly #options: AskOptions;
  readonly #settle: (outcome: string) => void;
  /** `200 body`, or `failed: message`. */
  readonly outcome: Promise<string>;
  connection: Connection | null = null;
  hasBegun = false;
  status = 0;
  body = '';

  constructor(pool: ConnectionPool, options: AskOptions = {}) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#options = options;
    this.outcome = promise;
    this.#settle = resolve;
    pool.acquire(this);
  }

  onConnected(connection: Connection): void {
    const { method = 'GET', target = '/', headers = [], body = null } = this.#options;
    this.connection = connection;
    const head = requestHead({
      method,
      target,
      headers: ['Host', 'app.test', ...headers],
      hasBody: body !== null,
    });
    connection.send({ method, head, body }, this);
  }

  onUnconnected(thrown: unknown): void {
    this.onFailure(thrown);
  }

  onBegun(): void {
    this.hasBegun = true;
  }

  onHead(status: number): void {
    this.status = status;
  }

  onBody(piece: Buffer): boolean {
    this.body += piece.toString('latin1');
    return this.#options.isEager !== false;
  }

  onEnd(): void {
    this.#settle(`${this.status} ${this.body}`);
  }

  onFailure(thrown: unknown): void {
    this.#settle(`failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
