/** The listener of the token service's API, as each process that serves clients has it. */
import type { Compiled } from '../config/compile.ts';
import type { ApiSettings } from '../http/api/call.ts';
import { createApiListener } from '../http/api/listener.ts';
import { OPERATIONS } from '../http/api/operations.ts';
import type { ApiRecord } from '../http/api/record.ts';
import type { CurrentSnapshot } from './current-snapshot.ts';
import { sharedBind, sharedLimits, sharedTls, type WorkerShare } from './gateway.ts';
import { startListener } from './listening.ts';
import { randomId } from './ports.ts';
import type { Runtime } from './runtime.ts';
import type { RunningTokenService } from './token-service.ts';

export interface Api {
  /** Lets callers in, and returns the origin; null where the API is not served. */
  start(): Promise<string | null>;
  /** Stops accepting and lets calls finish within `shutdownGrace`. */
  close(): Promise<void>;
}

const NOT_SERVED: Api = { start: async () => null, close: async () => {} };

/** `share` null: the process is alone. */
export function createApi(
  live: CurrentSnapshot,
  runtime: Runtime,
  tokenService: RunningTokenService | null,
  share: WorkerShare | null,
): Api {
  const { listeners, limits, tokenService: settings, shutdownGraceMs } = live.current.compiled;
  const { api } = listeners;
  if (api === null || tokenService === null || settings === null) return NOT_SERVED;
  const bind = sharedBind(api.bind, share?.ports.api ?? null);
  const place = { ...api, bind, tls: sharedTls(api.tls, share) };
  const listener = createApiListener({
    ...place,
    limits: sharedLimits(limits, share),
    trustedProxies: () => live.current.trustedProxies,
    operations: OPERATIONS,
    service: tokenService.service,
    foreign: { tokens: tokenService.foreign },
    settings: apiSettings(settings, share?.workers ?? 1),
    clock: runtime.clock,
    randomId,
    onRequestDone: callObserver(runtime),
    log: runtime.log,
  });
  live.onSwap(({ compiled }) => {
    const tls = sharedTls(compiled.listeners.api?.tls ?? null, share);
    if (tls !== null) listener.setTls(tls);
  });
  return {
    start: () => startListener('api', listener, place),
    close: () => listener.close(shutdownGraceMs),
  };
}

function apiSettings(
  { cookies, compat, anonymousLimit }: NonNullable<Compiled['tokenService']>,
  processes: number,
): ApiSettings {
  return { cookies, compat, limits: { ...anonymousLimit, countsLoopback: false, processes } };
}

const UNKNOWN = 'unknown';

/** One line and one count a call. The path is the declared one: it holds no id and no token. */
function callObserver({ log, metrics }: Pick<Runtime, 'log' | 'metrics'>): (record: ApiRecord) => void {
  return (record) => {
    const operation = record.operationId ?? UNKNOWN;
    metrics.add('api_requests_total', [operation, String(record.status)]);
    metrics.observe('api_request_duration_seconds', record.durationMs / 1000, [operation]);
    log.call({
      request_id: record.requestId,
      client_ip: record.clientAddress,
      operation,
      method: record.method,
      path: record.path,
      status: record.status,
      duration_ms: record.durationMs,
      reason: record.reason,
      client_gone: record.isClientGone,
      response_bytes: record.responseBytes,
    });
  };
}
