/** What happened, told to the operator: one access line and the metrics of each request, and what the rooms report. */
import { isCommonMethod } from '../core/method.ts';
import type { BreakerState } from '../forward/breaker.ts';
import type { UpstreamObserver } from '../forward/target.ts';
import type { TargetStatus } from '../forward/upstream.ts';
import type { AccessRecord } from '../http/access.ts';
import type { KeySetObserver } from '../jwt/jwks.ts';
import type { MinterObserver } from '../jwt/mint.ts';
import type { VerifierObserver } from '../jwt/verify.ts';
import type { AccessFields, Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ResealObserver } from '../tokens/resealing.ts';

const NONE = 'none';
/** By the hundreds of a status: put together for each request, they would be new names to look up. */
const STATUS_CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx'];

export function requestObserver(log: Log, metrics: Metrics): (record: AccessRecord) => void {
  return (record) => {
    log.access(accessFields(record));
    countRequest(record, metrics);
    countDecision(record, metrics);
  };
}

export function underWayObserver(metrics: Metrics): (what: 'request' | 'tunnel', change: 1 | -1) => void {
  const requests = metrics.series('requests_in_flight');
  const tunnels = metrics.series('websocket_connections');
  return (what, change) => (what === 'request' ? requests : tunnels).add(change);
}

function accessFields(record: AccessRecord): AccessFields {
  return {
    request_id: record.requestId,
    client_ip: record.clientAddress,
    method: record.method,
    path: record.path,
    status: record.status,
    duration_ms: record.durationMs,
    upstream_ms: record.upstreamMs,
    route: record.route,
    realm: record.realm,
    user: record.user,
    upstream: record.upstream,
    decision: record.verdict,
    reason: record.reason ?? 'ok',
    detail: record.detail,
    bytes: record.responseBytes,
  };
}

function countRequest(record: AccessRecord, metrics: Metrics): void {
  const route = record.route ?? NONE;
  // Clients choose names of methods, and each would be a series.
  const method = isCommonMethod(record.method) ? record.method : 'OTHER';
  metrics.add('requests_total', [route, method, STATUS_CLASSES[Math.floor(record.status / 100)] ?? NONE]);
  metrics.observe('request_duration_seconds', record.durationMs / 1000, [route]);
  if (record.upstreamMs !== null && record.upstream !== null)
    metrics.observe('upstream_duration_seconds', record.upstreamMs / 1000, [record.upstream]);
}

function countDecision(record: AccessRecord, metrics: Metrics): void {
  if (record.verdict === 'none') return;
  const isFailure = record.verdict === 'deny' && record.status >= 500;
  const reason = record.verdict === 'allow' ? 'ok' : (record.reason ?? 'ok');
  metrics.add('auth_decisions_total', [record.realm ?? NONE, isFailure ? 'error' : record.verdict, reason]);
}

export function verifierObserver(metrics: Metrics): VerifierObserver {
  const hits = metrics.series('token_cache_hits_total');
  const misses = metrics.series('token_cache_misses_total');
  const evictions = metrics.series('token_cache_evictions_total');
  return {
    cacheHit: () => hits.add(1),
    cacheMiss: () => misses.add(1),
    cacheEviction: () => evictions.add(1),
  };
}

export function minterObserver(metrics: Metrics): MinterObserver {
  const hits = metrics.series('assertion_cache_hits_total');
  const misses = metrics.series('assertion_cache_misses_total');
  return {
    cacheHit: () => hits.add(1),
    cacheMiss: () => misses.add(1),
    minted: ({ kid, algorithm, bytes, signMs }) => {
      metrics.add('assertions_minted_total', [kid ?? NONE, algorithm]);
      metrics.observe('assertion_bytes', bytes);
      metrics.observe('sign_duration_seconds', signMs / 1000);
    },
  };
}

/** `nameOf`: the label of a key set, from its configured URL or issuer. */
export function keySetObserver(metrics: Metrics, nameOf: (source: string) => string): KeySetObserver {
  return { fetched: (source, result) => metrics.add('jwks_fetch_total', [nameOf(source), result]) };
}

export function upstreamObserver(metrics: Metrics): UpstreamObserver {
  return { retried: (upstream, reason) => metrics.add('upstream_retries_total', [upstream, reason]) };
}

export function resealObserver(metrics: Metrics): ResealObserver {
  return ({ previousKeys, resealed }) => {
    metrics.set('previous_master_keys', previousKeys);
    metrics.add('resealed_values_total', [], resealed);
  };
}

const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** Shows the targets as they are now. Those of an older configuration are forgotten. */
export function showTargets(metrics: Metrics, targets: readonly TargetStatus[]): void {
  metrics.clear('upstream_up');
  metrics.clear('upstream_breaker_state');
  for (const { upstream, target, isHealthy, breaker } of targets) {
    const labels = [upstream, target];
    metrics.set('upstream_up', isHealthy && breaker === 'closed' ? 1 : 0, labels);
    metrics.set('upstream_breaker_state', BREAKER_VALUES[breaker], labels);
  }
}
