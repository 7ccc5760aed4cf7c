/** The proxy: renders a Decision as an HTTP exchange. Refusals become problems, permissions are forwarded. */
import type { Allow, Decision } from '../core/decision.ts';
import { CountersignError, toCountersignError } from '../core/errors.ts';
import type { HeaderPolicy } from '../core/headers.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Logger } from '../core/log.ts';
import type { PublishedKeys } from '../core/published-keys.ts';
import type { Clock } from '../core/time.ts';
import type { UpgradeRequest, Upstream, UpstreamRequest } from '../forward/upstream.ts';
import { decide, type Policy } from '../gateway/decide.ts';
import type { AccessRecord } from './access.ts';
import { plainAddress, type TrustedProxies } from './client-address.ts';
import { Exchange } from './exchange.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import { type IncomingRequest, requireServable, type UnservedRequest } from './http1/incoming-request.ts';
import type { RequestBody } from './http1/request-body.ts';
import { loggedPath } from './logged-path.ts';
import { servePublishedKeys } from './published-keys.ts';
import { type Bind, createListener, type Listener } from './server.ts';
import { endingWithToken } from './tunnel-life.ts';
import { upstreamRequest } from './upstream-request.ts';

/** What requests depend on. A request keeps the snapshot it began with. */
export interface ProxySnapshot {
  readonly policy: Policy;
  readonly headers: HeaderPolicy;
  readonly upstreams: { get(name: string): Upstream | undefined };
  /** Null: not published here. */
  readonly keys: PublishedKeys | null;
  readonly trustedProxies: TrustedProxies;
}

/** A snapshot that may be replaced while requests run on it. */
export interface SnapshotInUse extends ProxySnapshot {
  /** Keeps open what the snapshot holds, until the returned function is called. */
  hold(): () => void;
}

export interface ProxyListenerOptions {
  readonly bind: Bind;
  readonly limits: ListenerLimits;
  /** Absent or null: plain HTTP. */
  readonly tls?: ListenerTls | null;
  /** True: connections come from trusted proxies, and begin with a PROXY protocol header. */
  readonly proxyProtocol?: boolean;
  /** Asked once a request. */
  readonly snapshot: () => SnapshotInUse;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly onRequestDone: (record: AccessRecord) => void;
  /** How many requests, and how many tunnels, are under way: one more, or one less. */
  readonly onUnderWay?: (what: 'request' | 'tunnel', change: 1 | -1) => void;
  readonly log?: Logger;
}

export function createProxyListener(options: ProxyListenerOptions): Listener {
  const { bind, limits, tls, randomId, clock } = options;
  const isTrusted = (address: string) => options.snapshot().trustedProxies.includes(address);
  return createListener({
    bind,
    limits,
    tls,
    proxyProtocol: options.proxyProtocol === true ? { isTrusted } : null,
    randomId,
    clock,
    log: options.log,
    handlers: {
      request: (request, answer) => serve(options, request, answer),
      upgrade: (request, answer, socket, onShutdown) =>
        serveUpgrade(options, request, answer, { socket, onShutdown }),
      onUnreadable: (error, request) => options.onRequestDone(unreadableRecord(options, error, request)),
    },
  });
}

async function serve(
  options: ProxyListenerOptions,
  request: IncomingRequest,
  answer: AnswerWriter,
): Promise<void> {
  const snapshot = options.snapshot();
  const exchange = new Exchange(options, snapshot.trustedProxies, request, answer);
  const release = snapshot.hold();
  options.onUnderWay?.('request', 1);
  try {
    requireServable(request);
    if (request.method === 'OPTIONS' && request.target === '*') return exchange.answerOptions();
    if (servePublishedKeys(snapshot.keys, request, answer)) return;
    const allow = allowOf(exchange, await decide(request, snapshot.policy));
    if (request.expectsContinue) answer.writeContinue();
    const upstream = upstreamOf(snapshot, allow);
    exchange.forwardingTo(upstream.name);
    const { body } = request;
    await upstream.forward(outgoing({ request, allow, exchange, snapshot, upstream, body }), exchange.sink);
  } catch (thrown) {
    exchange.fail(toCountersignError(thrown));
  } finally {
    release();
    options.onUnderWay?.('request', -1);
    exchange.finish();
  }
}

async function serveUpgrade(
  options: ProxyListenerOptions,
  request: IncomingRequest,
  answer: AnswerWriter,
  tunnel: Pick<UpgradeRequest, 'socket' | 'onShutdown'>,
): Promise<void> {
  const snapshot = options.snapshot();
  const exchange = new Exchange(options, snapshot.trustedProxies, request, answer);
  const release = snapshot.hold();
  options.onUnderWay?.('tunnel', 1);
  try {
    requireServable(request);
    const allow = allowOf(exchange, await decide(request, snapshot.policy));
    const upstream = upstreamOf(snapshot, allow);
    const plain = outgoing({ request, allow, exchange, snapshot, upstream, body: null });
    exchange.forwardingTo(upstream.name);
    const onFailure = (error: CountersignError) => exchange.fail(error);
    const limited = endingWithToken(tunnel, allow, options.clock);
    await upstream.upgrade({ ...plain, ...limited, onFailure }, exchange.sink);
    exchange.tunnelled();
  } catch (thrown) {
    exchange.fail(toCountersignError(thrown));
  } finally {
    release();
    options.onUnderWay?.('tunnel', -1);
    exchange.finish();
  }
}

/** @throws CountersignError the reason of a Deny */
function allowOf(exchange: Exchange, decision: Decision): Allow {
  exchange.decided(decision);
  if (decision.verdict === 'deny') throw decision.error;
  return decision;
}

interface Outgoing {
  readonly request: IncomingRequest;
  readonly allow: Allow;
  readonly exchange: Exchange;
  readonly snapshot: ProxySnapshot;
  readonly upstream: Upstream;
  readonly body: RequestBody | null;
}

function outgoing({ request, allow, exchange, snapshot, upstream, body }: Outgoing): UpstreamRequest {
  return upstreamRequest({
    request,
    allow,
    headerPolicy: snapshot.headers,
    requestId: request.id,
    origin: exchange.origin,
    isTls: request.peer.isTls,
    authority: upstream.authority,
    body,
  });
}

function upstreamOf(snapshot: ProxySnapshot, allow: Allow): Upstream {
  const upstream = snapshot.upstreams.get(allow.route.upstream);
  if (upstream !== undefined) return upstream;
  throw new CountersignError('internal_error', `route ${allow.route.name} names no upstream`);
}

function unreadableRecord(
  options: ProxyListenerOptions,
  error: CountersignError,
  { id, method, target, peer }: UnservedRequest,
): AccessRecord {
  return {
    timeMs: options.clock(),
    requestId: id,
    method,
    path: loggedPath(target),
    status: error.status,
    durationMs: 0,
    upstreamMs: null,
    verdict: 'none',
    reason: error.code,
    detail: error.message,
    route: null,
    realm: null,
    user: null,
    upstream: null,
    clientAddress: plainAddress(peer.address),
    responseBytes: 0,
  };
}
