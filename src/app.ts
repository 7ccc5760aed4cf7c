/** The composition root: one running gateway, from its configuration file to its end. */
import { type Environment, readConfiguration } from './app/configuration.ts';
import { startListener } from './app/listening.ts';
import { type LiveConfiguration, openConfiguration } from './app/live-configuration.ts';
import { requestObserver, showTargets, underWayObserver } from './app/observe.ts';
import { randomId, systemClock } from './app/ports.ts';
import { keySetStatuses, readinessOf } from './app/readiness.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from './app/runtime.ts';
import { createSources, type Sources, watch } from './app/watch.ts';
import { type ConfigIssue, formatIssues } from './config/issue.ts';
import { createOpsListener } from './http/ops.ts';
import { createProxyListener } from './http/proxy.ts';
import type { Listener } from './http/server.ts';

export interface AppOptions extends RuntimeOptions {
  readonly configPath: string;
  readonly environment: Environment;
}

export interface App {
  /** Origins under which the listeners are reached from this machine. */
  readonly origins: { readonly proxy: string; readonly ops: string };
  /** Reads the configuration again. False: it is not in order, and the old one stays. Never rejects. */
  reload(): Promise<boolean>;
  /**
   * Stops accepting, lets running requests finish within `shutdownGrace`, closes everything. `defect`: the error that
   * nobody caught, where that is why; it is logged.
   */
  stop(defect?: unknown): Promise<void>;
}

/** The configuration is not in order. The message lists every issue with its place. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(issues: readonly ConfigIssue[]) {
    super(formatIssues(issues));
  }
}

/** @throws ConfigurationError; Error where keys or ports cannot be had */
export async function startApp(options: AppOptions): Promise<App> {
  const { configPath, environment } = options;
  const sources = createSources();
  const read = () => {
    sources.restart();
    return readConfiguration(configPath, environment, options.clock ?? systemClock, sources.note);
  };
  const result = await read();
  if ('issues' in result) throw new ConfigurationError(result.issues);
  const runtime = createRuntime(result.configuration.compiled.observability, options);
  const live = await openConfiguration(result.configuration, read, runtime);
  return await listen(live, sources, runtime);
}

async function listen(live: LiveConfiguration, sources: Sources, runtime: Runtime): Promise<App> {
  let stopping: Promise<void> | null = null;
  const { listeners } = live.current.compiled;
  const proxy = proxyListener(live, runtime);
  const ops = opsListener(live, runtime, () => stopping !== null);
  const isOn = () => live.current.compiled.watchesFiles && stopping === null;
  const unwatch = watch({ sources, isOn, onChange: () => live.reload() });
  const close = async () => {
    unwatch();
    await proxy.close(live.current.compiled.shutdownGraceMs);
    await Promise.all([ops.close(0), live.close()]);
    runtime.log.flush();
  };
  const stop = (defect?: unknown) => {
    if (defect !== undefined)
      runtime.log.error('Stopping after a defect: nothing caught this', { cause: textOf(defect) });
    if (stopping === null) runtime.log.info('Stopping: running requests are finished first');
    stopping ??= close();
    return stopping;
  };
  try {
    // Clients are let in last, when all else stands.
    const opsOrigin = await startListener('ops', ops, listeners.ops);
    const origins = { proxy: await startListener('proxy', proxy, listeners.proxy), ops: opsOrigin };
    runtime.log.info('Listening', origins);
    return { origins, reload: () => live.reload(), stop };
  } catch (error) {
    await close();
    throw error;
  }
}

function proxyListener(live: LiveConfiguration, { clock, log, metrics }: Runtime): Listener {
  const { listeners, limits } = live.current.compiled;
  const listener = createProxyListener({
    ...listeners.proxy,
    limits,
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

function opsListener(
  live: LiveConfiguration,
  { clock, log, metrics }: Runtime,
  isStopping: () => boolean,
): Listener {
  const { listeners, limits } = live.current.compiled;
  metrics.onScrape(() => {
    metrics.set('token_cache_size', live.current.verifier.cacheSize);
    showTargets(metrics, live.current.upstreams.status());
    for (const { realms, kids, fetchedAt, state } of keySetStatuses(live.current.realms)) {
      const name = [realms[0] ?? 'unnamed'];
      metrics.set('jwks_keys', kids.length, name);
      metrics.set('jwks_stale', state === 'stale' || state === 'expired' ? 1 : 0, name);
      if (fetchedAt !== null) metrics.set('jwks_age_seconds', (clock() - Date.parse(fetchedAt)) / 1000, name);
    }
  });
  return createOpsListener({
    bind: listeners.ops.bind,
    limits,
    randomId,
    readiness: () =>
      readinessOf({ realms: live.current.realms, isStopping: isStopping(), reloadError: live.reloadError }),
    metrics: () => metrics.scrape(),
    keys: () => live.current.keys,
    log,
  });
}

/** With the stack: a defect is looked for where it happened. */
function textOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
