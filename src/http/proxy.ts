/** The proxy: renders a Decision as an HTTP exchange. Refusals become problems, permissions are forwarded. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Allow, Decision, GatewayRequest } from '../core/decision.ts';
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
import type { TrustedProxies } from './client-address.ts';
import { Exchange } from './exchange.ts';
import { servePublishedKeys } from './published-keys.ts';
import { hasBody, readRequest } from './request.ts';
import { RequestBody } from './request-body.ts';
import { type Bind, createListener, type Listener } from './server.ts';
import { endingWithToken } from './tunnel-life.ts';
import { isTls, upstreamRequest } from './upstream-request.ts';

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
      request: (message, response, expectsContinue) => serve(options, message, response, expectsContinue),
      upgrade: (message, response, socket, onShutdown) =>
        serveUpgrade(options, message, response, { socket, onShutdown }),
      onUnreadable: (error, requestId) => options.onRequestDone(unreadableRecord(options, error, requestId)),
    },
  });
}

async function serve(
  options: ProxyListenerOptions,
  message: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<void> {
  const snapshot = options.snapshot();
  const exchange = new Exchange(options, snapshot.trustedProxies, message, response);
  const release = snapshot.hold();
  options.onUnderWay?.('request', 1);
  try {
    const request = readRequest(message, options.limits.headerCount);
    if (request.method === 'OPTIONS' && request.target === '*') return exchange.answerOptions();
    if (servePublishedKeys(snapshot.keys, message, response, exchange.requestId)) return;
    const allow = allowOf(exchange, await decide(request, snapshot.policy));
    if (expectsContinue) response.writeContinue();
    const upstream = upstreamOf(snapshot, allow);
    const body = hasBody(request.headers) ? new RequestBody(message) : null;
    exchange.forwardingTo(upstream.name);
    await upstream.forward(
      outgoing({ request, allow, exchange, snapshot, upstream, message, body }),
      exchange.sink,
    );
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
  message: IncomingMessage,
  response: ServerResponse,
  tunnel: Pick<UpgradeRequest, 'socket' | 'onShutdown'>,
): Promise<void> {
  const snapshot = options.snapshot();
  const exchange = new Exchange(options, snapshot.trustedProxies, message, response);
  const release = snapshot.hold();
  options.onUnderWay?.('tunnel', 1);
  try {
    const request = readRequest(message, options.limits.headerCount);
    const allow = allowOf(exchange, await decide(request, snapshot.policy));
    const upstream = upstreamOf(snapshot, allow);
    const plain = outgoing({ request, allow, exchange, snapshot, upstream, message, body: null });
    exchange.forwardingTo(upstream.name);
    const onFailure = (error: CountersignError) => exchange.fail(error);
    const limited = endingWithToken(tunnel, allow, options.clock);
    await upstream.upgrade({ ...plain, ...limited, message, onFailure }, exchange.sink);
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
  readonly request: GatewayRequest;
  readonly allow: Allow;
  readonly exchange: Exchange;
  readonly snapshot: ProxySnapshot;
  readonly upstream: Upstream;
  readonly message: IncomingMessage;
  readonly body: RequestBody | null;
}

function outgoing({
  request,
  allow,
  exchange,
  snapshot,
  upstream,
  message,
  body,
}: Outgoing): UpstreamRequest {
  return upstreamRequest({
    request,
    allow,
    headerPolicy: snapshot.headers,
    requestId: exchange.requestId,
    origin: exchange.origin,
    isTls: isTls(message),
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
  requestId: string,
): AccessRecord {
  return {
    timeMs: options.clock(),
    requestId,
    method: '',
    path: '',
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
    clientAddress: '',
    responseBytes: 0,
  };
}
