/**
 * Every metric, declared once: prom-client's collectors and docs/metrics.md are made from this table.
 * Label values come from configuration names and code tables only, so the number of series is bounded.
 */
import { COMMON_METHODS } from '../core/method.ts';

interface Counted {
  readonly type: 'counter';
}

interface Distributed {
  readonly type: 'histogram';
  /** Upper bounds, in the unit of the name; ascending. */
  readonly buckets: readonly number[];
}

interface Mirrored {
  readonly type: 'gauge';
  /** How the values of several workers become the one that is scraped; counters and histograms are summed. */
  readonly ofWorkers: 'sum' | 'max' | 'min';
}

type MetricRow = (Counted | Distributed | Mirrored) & {
  readonly help: string;
  readonly labels: readonly string[];
};

/** From a cached echo to a slow backend. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** One RSA-2048 signature takes about a millisecond; more means a starved thread pool. */
const SIGN_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1];
/** Many servers refuse headers beyond 8 KiB. */
const ASSERTION_BYTES = [512, 1024, 2048, 3072, 4096, 6144, 8192];

export const METRICS = {
  requests_total: {
    type: 'counter',
    help: `Answered requests. status_class is 1xx (101: a WebSocket) to 5xx; method is ${COMMON_METHODS.join(', ')} or OTHER.`,
    labels: ['route', 'method', 'status_class'],
  },
  requests_in_flight: { type: 'gauge', ofWorkers: 'sum', help: 'Requests being served.', labels: [] },
  request_duration_seconds: {
    type: 'histogram',
    help: 'From the request head to the end of the response.',
    labels: ['route'],
    buckets: REQUEST_SECONDS,
  },
  api_requests_total: {
    type: 'counter',
    help: 'Answered calls of the token service’s API. operation is `unknown` where there is none.',
    labels: ['operation', 'status'],
  },
  api_request_duration_seconds: {
    type: 'histogram',
    help: 'From the head of a call to its answer.',
    labels: ['operation'],
    buckets: REQUEST_SECONDS,
  },
  upstream_duration_seconds: {
    type: 'histogram',
    help: 'From forwarding to the response head of the upstream.',
    labels: ['upstream'],
    buckets: REQUEST_SECONDS,
  },
  upstream_up: {
    type: 'gauge',
    ofWorkers: 'min',
    help: '1 while the target passes its health checks, or has none, and takes connections. target is its URL.',
    labels: ['upstream', 'target'],
  },
  upstream_breaker_state: {
    type: 'gauge',
    ofWorkers: 'max',
    help: '0 closed, 1 half-open (one request tries it), 2 open (left alone: it takes no connections).',
    labels: ['upstream', 'target'],
  },
  upstream_retries_total: {
    type: 'counter',
    help: 'Further attempts. reason is connect (nothing was sent) or reset (lost without a byte of an answer).',
    labels: ['upstream', 'reason'],
  },
  auth_decisions_total: {
    type: 'counter',
    help: 'Decisions. result is allow, deny, shadow_deny or error; reason is ok or a code of docs/errors.md.',
    labels: ['realm', 'result', 'reason'],
  },
  token_cache_hits_total: { type: 'counter', help: 'Tokens found verified.', labels: [] },
  token_cache_misses_total: { type: 'counter', help: 'Tokens that had to be verified.', labels: [] },
  token_cache_evictions_total: {
    type: 'counter',
    help: 'Verified tokens dropped before their end, to stay within the bound.',
    labels: [],
  },
  token_cache_size: { type: 'gauge', ofWorkers: 'sum', help: 'Verified tokens remembered.', labels: [] },
  assertion_cache_hits_total: {
    type: 'counter',
    help: 'Requests served with an assertion made before.',
    labels: [],
  },
  assertion_cache_misses_total: {
    type: 'counter',
    help: 'Requests that needed a new assertion.',
    labels: [],
  },
  assertions_minted_total: { type: 'counter', help: 'Assertions made.', labels: ['kid', 'alg'] },
  assertion_bytes: {
    type: 'histogram',
    help: 'Size of the assertions made, as header value.',
    labels: [],
    buckets: ASSERTION_BYTES,
  },
  sign_duration_seconds: {
    type: 'histogram',
    help: 'Time to sign one assertion, waiting included.',
    labels: [],
    buckets: SIGN_SECONDS,
  },
  jwks_fetch_total: {
    type: 'counter',
    help: 'Fetches of key sets. result is ok, unchanged, failed, or shared (another worker had fetched it).',
    labels: ['key_set', 'result'],
  },
  jwks_age_seconds: {
    type: 'gauge',
    ofWorkers: 'max',
    help: 'Age of the key set in use.',
    labels: ['key_set'],
  },
  jwks_keys: { type: 'gauge', ofWorkers: 'min', help: 'Usable keys of the key set.', labels: ['key_set'] },
  jwks_stale: {
    type: 'gauge',
    ofWorkers: 'max',
    help: '1 while the key set could not be refreshed in time.',
    labels: ['key_set'],
  },
  config_reloads_total: {
    type: 'counter',
    help: 'Reloads of the configuration. result is ok or failed.',
    labels: ['result'],
  },
  config_last_reload_success: {
    type: 'gauge',
    ofWorkers: 'max',
    help: '1 when the last reload succeeded.',
    labels: [],
  },
  config_generation: {
    type: 'gauge',
    ofWorkers: 'max',
    help: 'Number of the configuration in use, from 1.',
    labels: [],
  },
  log_lines_lost_total: {
    type: 'counter',
    help: 'Log lines not written, because the log could not keep up or could not be written at all.',
    labels: [],
  },
  unsigned_realms: {
    type: 'gauge',
    ofWorkers: 'max',
    help: 'Realms that accept unsigned tokens.',
    labels: [],
  },
  workers: {
    type: 'gauge',
    ofWorkers: 'sum',
    help: 'Workers that serve; 0 where the process is alone.',
    labels: [],
  },
  worker_ends_total: {
    type: 'counter',
    help: 'Workers that ended unasked, each to be replaced. cause is exit, signal or defect.',
    labels: ['cause'],
  },
  previous_master_keys: {
    type: 'gauge',
    ofWorkers: 'max',
    help: 'Previous master keys under which something in the store may be sealed; 0: `secrets.previousMasterKeys` can be emptied.',
    labels: [],
  },
  resealed_values_total: {
    type: 'counter',
    help: 'Values in the store that a previous master key had sealed, sealed anew with the present one.',
    labels: [],
  },
  websocket_connections: {
    type: 'gauge',
    ofWorkers: 'sum',
    help: 'WebSocket upgrades being decided, and open tunnels.',
    labels: [],
  },
  build_info: { type: 'gauge', ofWorkers: 'max', help: 'Always 1.', labels: ['version', 'node'] },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** In the order of the table. */
export function metricNames(): MetricName[] {
  return Object.keys(METRICS) as MetricName[];
}

/** The row of a metric, widened. */
export function metricRow(name: MetricName): MetricRow {
  return METRICS[name];
}

/** The full name, as scraped. */
export function metricName(prefix: string, name: MetricName): string {
  return `${prefix}${name}`;
}

/** docs/metrics.md. */
export function metricsReference(): string {
  const rows = metricNames().map((name) => {
    const row = metricRow(name);
    const labels = row.labels.map((label) => `\`${label}\``).join(', ');
    const ofWorkers = row.type === 'gauge' ? row.ofWorkers : 'sum';
    return `| \`${metricName('countersign_', name)}\` | ${row.type} | ${labels} | ${ofWorkers} | ${row.help} |`;
  });
  return [
    '# Metrics',
    '',
    'Served at `/metrics` of the ops listener in the Prometheus text format. The prefix is `observability.metrics.prefix`.',
    'Labels hold names from the configuration and codes from [errors.md](errors.md), never a path, a user or a token.',
    '`key_set` is the name of the first realm that uses the set. Node’s own process metrics (`process_*`, `nodejs_*`) come beside these.',
    '',
    'With several [workers](workers.md) the page is one: it shows the sum, the greatest or the least of their values.',
    '',
    '| metric | type | labels | of workers | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
