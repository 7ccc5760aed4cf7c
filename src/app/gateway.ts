/** What serves clients, on the snapshot in use. Each worker has one; what serves the operator stands beside it. */
import type { Compiled } from '../config/compile.ts';
import type { ListenerLimits } from '../core/limits.ts';
import { createProxyListener } from '../http/proxy.ts';
import type { Bind, Listener } from '../http/server.ts';
import type { CurrentSnapshot } from './current-snapshot.ts';
import { startListener } from './listening.ts';
import { mirrorState } from './mirror.ts';
import { requestObserver, underWayObserver } from './observe.ts';
import { randomId } from './ports.ts';
import type { Runtime } from './runtime.ts';

/** A worker's part of what several share. */
export interface WorkerShare {
  /** Of all workers. */
  readonly workers: number;
  /** On which all of them listen. */
  readonly ports: { readonly proxy: number /** Null: not served. */; readonly api: number | null };
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
  const place = { ...compiled.listeners.proxy, bind: bindOf(compiled, share) };
  const proxy = proxyListener(live, runtime, { ...place, limits: limitsOf(compiled, share) });
  mirrorState(live, runtime);
  return {
    start: () => startListener('proxy', proxy, place),
    close: () => proxy.close(live.current.compiled.shutdownGraceMs),
  };
}

function bindOf({ listeners: { proxy } }: Compiled, share: WorkerShare | null): Bind {
  return share === null ? proxy.bind : { ...proxy.bind, port: share.ports.proxy, isShared: true };
}

/** The bound of open connections is one of the whole listener: each worker takes its part of it. */
function limitsOf({ limits }: Compiled, share: WorkerShare | null): ListenerLimits {
  return share === null ? limits : { ...limits, connections: Math.ceil(limits.connections / share.workers) };
}

type Place = Compiled['listeners']['proxy'] & { readonly bind: Bind; readonly limits: ListenerLimits };

function proxyListener(live: CurrentSnapshot, { clock, log, metrics }: Runtime, place: Place): Listener {
  const listener = createProxyListener({
    ...place,
    snapshot: () => live.current,
    clock,
    randomId,
    onRequestDone: requestObserver(log, metrics),
    onUnderWay: underWayObserver(metrics),
    log,
  });
  live.onSwap(({ compiled }) => {
    if (compiled.listeners.proxy.tls !== null) listener.setTls(compiled.listeners.proxy.tls);
  });
  return listener;
}
