/** One target of an upstream: its connections, its breaker, its health, and what is under way on it. */
import type { Duplex } from 'node:stream';
import type { Logger } from '../core/log.ts';
import type { Clock, Scheduler } from '../core/time.ts';
import type { HealthCheckSettings, UpstreamSettings, UpstreamTarget } from '../core/upstream.ts';
import type { Candidate } from './balance.ts';
import { Breaker } from './breaker.ts';
import { type HealthCheck, startHealthCheck } from './health.ts';
import { type AttemptOptions, attemptHttp, type OnAttempted } from './http.ts';
import { createConnect } from './http1/connect.ts';
import { ConnectionPool } from './http1/connection-pool.ts';
import { originOf } from './origin.ts';
import { ProbeSink, probeRequest } from './probe.ts';
import { isConnectFailure, type RetryReason } from './retry.ts';
import { createUpgrader } from './upgrade.ts';
import type { ResponseSink, TargetStatus, UpgradeRequest, UpstreamRequest } from './upstream.ts';

/** Told what happens between the gateway and its upstreams. */
export interface UpstreamObserver {
  retried(upstream: string, reason: RetryReason): void;
}

/** The outside world, as upstreams are given it. */
export interface UpstreamPorts {
  readonly clock: Clock;
  readonly schedule: Scheduler;
  readonly log: Logger;
  readonly observe: UpstreamObserver;
}

export class Target implements Candidate {
  readonly url: string;
  readonly authority: string;
  activeRequests = 0;
  readonly #settings: UpstreamSettings;
  readonly #ports: UpstreamPorts;
  readonly #pool: ConnectionPool;
  readonly #attempt: AttemptOptions;
  readonly #upgrader: ReturnType<typeof createUpgrader>;
  readonly #breaker: Breaker;
  #health: HealthCheck | null = null;

  constructor({ url }: UpstreamTarget, settings: UpstreamSettings, ports: UpstreamPorts) {
    const origin = originOf(url, settings.tls.serverName);
    this.url = url;
    this.authority = origin.authority;
    this.#settings = settings;
    this.#ports = ports;
    this.#pool = new ConnectionPool({
      connect: createConnect(origin, settings),
      clock: ports.clock,
      timeouts: settings.timeouts,
    });
    this.#attempt = {
      pool: this.#pool,
      upstream: settings.name,
      onConnected: () => this.#breaker.connected(),
    };
    this.#upgrader = createUpgrader(origin, settings);
    this.#breaker = new Breaker(ports.clock, (isClosed) => this.#breakerChanged(isClosed));
  }

  /** Begins the health checks, where there are any. */
  startChecks(): void {
    const { health } = this.#settings;
    if (health !== null) this.#health ??= this.#checkHealth(health);
  }

  /** Ends them. What they found last stays. */
  stopChecks(): void {
    this.#health?.stop();
  }

  get isHealthy(): boolean {
    return this.#health?.isHealthy ?? true;
  }

  /** What to wait before the next request may be given to it, in milliseconds; 0: none. */
  waitMs(): number {
    return this.#breaker.waitMs();
  }

  status(): TargetStatus {
    const { isHealthy, url } = this;
    return { upstream: this.#settings.name, target: url, isHealthy, breaker: this.#breaker.state };
  }

  /** One try, without a second. Calls back once, at once or later. */
  send(request: UpstreamRequest, sink: ResponseSink, done: OnAttempted): void {
    this.#begin();
    attemptHttp(this.#attempt, withHost(request, this.authority), sink, (failure) => {
      this.activeRequests -= 1;
      if (failure !== null && !failure.isSent) this.#notSent(isConnectFailure(failure, request));
      done(failure);
    });
  }

  async upgrade(request: UpgradeRequest, sink: ResponseSink): Promise<void> {
    this.#begin();
    let isConnected = false;
    const onConnected = () => {
      isConnected = true;
      this.#breaker.connected();
    };
    const onFailure: UpgradeRequest['onFailure'] = (error) => {
      if (!isConnected) this.#notSent(error.code !== 'internal_error' && !isGone(request.socket));
      request.onFailure(error);
    };
    await this.#upgrader.upgrade({ ...withHost(request, this.authority), onFailure }, sink, onConnected);
    this.activeRequests -= 1;
  }

  /** Lets running requests and open tunnels finish. */
  async close(): Promise<void> {
    this.stopChecks();
    this.#upgrader.close();
    await this.#pool.close();
  }

  #begin(): void {
    this.activeRequests += 1;
    this.#breaker.begin();
  }

  #notSent(isTargetsFault: boolean): void {
    if (isTargetsFault) this.#breaker.failed();
    else this.#breaker.abandoned();
  }

  #breakerChanged(isClosed: boolean): void {
    const { log } = this.#ports;
    const fields = { upstream: this.#settings.name, target: this.url };
    if (isClosed) log.info('Upstream target takes connections again', fields);
    else log.warn('Upstream target takes no connections and is left alone for a while', fields);
  }

  #checkHealth(settings: HealthCheckSettings): HealthCheck {
    const { log, schedule } = this.#ports;
    const fields = { upstream: this.#settings.name, target: this.url };
    return startHealthCheck({
      settings,
      schedule,
      probe: () => this.#probe(settings),
      onChange: (isHealthy) => {
        if (isHealthy) log.info('Upstream target is healthy again', fields);
        else log.warn('Upstream target fails its health checks', fields);
      },
    });
  }

  #probe({ path, timeoutMs }: HealthCheckSettings): Promise<boolean> {
    return new Promise((resolve) => {
      const sink = new ProbeSink();
      const cancel = this.#ports.schedule(() => {
        sink.abort();
        resolve(false);
      }, timeoutMs);
      this.send(probeRequest(path, this.authority), sink, (failure) => {
        cancel();
        resolve(failure === null && sink.isGood);
      });
    });
  }
}

/** A client that leaves while the tunnel is being made says nothing about the target. */
function isGone(client: Duplex): boolean {
  return client.destroyed || client.readableEnded;
}

/** A request that leaves Host to its target. The list is copied: a retry may go to another target. */
function withHost<T extends Pick<UpstreamRequest, 'headers' | 'keepsHost'>>(
  request: T,
  authority: string,
): T {
  if (request.keepsHost || request.headers[1] === authority) return request;
  return { ...request, headers: ['Host', authority, ...request.headers.slice(2)] };
}
