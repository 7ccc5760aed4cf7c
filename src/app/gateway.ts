/** What serves clients, on the snapshot in use. Each worker has one; what serves the operator stands beside it. */
import { createHash, hkdfSync } from 'node:crypto';
import type { Compiled } from '../config/compile.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { ListenerTls } from '../core/listener-tls.ts';
import { createProxyListener } from '../http/proxy.ts';
import type { Bind, Listener, ListenerOptions } from '../http/server.ts';
import type { CurrentSnapshot } from './current-snapshot.ts';
import { startListener } from './listening.ts';
import { mirrorState } from './mirror.ts';
import { requestObserver, underWayObserver } from './observe.ts';
import { randomRequestId } from './request-id.ts';
import type { Runtime } from './runtime.ts';

/** A worker's part of what several share. */
export interface WorkerShare {
  /** Of all workers. */
  readonly workers: number;
  /** On which all of them listen. */
  readonly ports: { readonly proxy: number; readonly api: number | null };
  /** 32 random bytes, the same for all: TLS session tickets that one has given are good at every other. */
  readonly ticketSecret: Uint8Array;
}

export interface Gateway {
  /** Lets clients in, and returns the origin. @throws Error that names the listener and what is in the way */
  start(): Promise<string>;
  /** Stops accepting and lets requests finish within `shutdownGrace`. What they ran on is the caller's. */
  close(): Promise<void>;
}

/** `share` null: the process is alone. */
export function createGateway(live: CurrentSnapshot, runtime: Runtime, share: WorkerShare | null): Gateway {
  const { compiled } = live.current;
  const { proxy: settings } = compiled.listeners;
  const bind = sharedBind(settings.bind, share?.ports.proxy ?? null);
  const place = { ...settings, bind, tls: sharedTls(settings.tls, share) };
  const proxy = proxyListener(live, runtime, { ...place, limits: sharedLimits(compiled.limits, share) });
  live.onSwap((next) => {
    const tls = sharedTls(next.compiled.listeners.proxy.tls, share);
    if (tls !== null) proxy.setTls(tls);
  });
  mirrorState(live, runtime);
  return {
    start: () => startListener('proxy', proxy, place),
    close: () => proxy.close(live.current.compiled.shutdownGraceMs),
  };
}

/** `port` null: the process is alone. */
export function sharedBind(bind: Bind, port: number | null): Bind {
  return port === null ? bind : { ...bind, port, isShared: true };
}

/** The bound of open connections is one of the whole listener: each worker takes its part of it. */
export function sharedLimits(limits: ListenerLimits, share: WorkerShare | null): ListenerLimits {
  return share === null ? limits : { ...limits, connections: Math.ceil(limits.connections / share.workers) };
}

const TICKET_KEYS_BYTES = 48;

/** Other keys for other certificates and authorities: a client that was let in by the old ones begins anew. */
export function sharedTls(tls: ListenerTls | null, share: WorkerShare | null): ListenerTls | null {
  if (tls === null || share === null) return tls;
  const use = createHash('sha256').update(JSON.stringify(tls)).digest();
  const ticketKeys = hkdfSync('sha256', share.ticketSecret, '', use, TICKET_KEYS_BYTES);
  return { ...tls, ticketKeys: new Uint8Array(ticketKeys) };
}

type Place = Compiled['listeners']['proxy'] & Pick<ListenerOptions, 'bind' | 'limits'>;

function proxyListener(live: CurrentSnapshot, { clock, log, metrics }: Runtime, place: Place): Listener {
  return createProxyListener({
    ...place,
    snapshot: () => live.current,
    clock,
    randomId: randomRequestId,
    onRequestDone: requestObserver(log, metrics),
    onUnderWay: underWayObserver(metrics),
    log,
  });
}
