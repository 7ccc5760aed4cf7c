/** The composition root: one running gateway, from its configuration file to its end. */
import { type Environment, readConfiguration } from './app/configuration.ts';
import { startListener } from './app/listening.ts';
import { type LiveConfiguration, openConfiguration } from './app/live-configuration.ts';
import { requestObserver, underWayObserver } from './app/observe.ts';
import { randomId, systemClock } from './app/ports.ts';
import { keySetStatuses, readinessOf } from './app/readiness.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from './app/runtime.ts';
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
  /** Stops accepting, lets running requests finish within `shutdownGrace`, closes everything. */
  stop(): Promise<void>;
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
  const read = () => readConfiguration(configPath, environment, options.clock ?? systemClock);
  const result = await read();
  if ('issues' in result) throw new ConfigurationError(result.issues);
  const runtime = createRuntime(result.configuration.compiled.observability, options);
  const live = await openConfiguration(result.configuration, read, runtime);
  return await listen(live, runtime);
}

async function listen(live: LiveConfiguration, runtime: Runtime): Promise<App> {
  let stopping: Promise<void> | null = null;
  const { listeners } = live.current.compiled;
  const proxy = proxyListener(live, runtime);
  const ops = opsListener(live, runtime, () => stopping !== null);
  const close = async () => {
    await proxy.close(live.current.compiled.shutdownGraceMs);
    await Promise.all([ops.close(0), live.close()]);
    runtime.log.flush();
  };
  const stop = () => {
    if (stopping === null) runtime.log.info('Stopping: running requests are finished first');
    stopping ??= close();
    return stopping;
  };
  try {
    // Clients are let in last, when all else stands.
    const opsOrigin = await startListener('ops', ops, listeners.ops.bind);
    const origins = { proxy: await startListener('proxy', proxy, listeners.proxy.bind), ops: opsOrigin };
    runtime.log.info('Listening', origins);
    return { origins, reload: () => live.reload(), stop };
  } catch (error) {
    await close();
    throw error;
  }
}

function proxyListener(live: LiveConfiguration, { clock, log, metrics }: Runtime): Listener {
  const { listeners, limits } = live.current.compiled;
  return createProxyListener({
    bind: listeners.proxy.bind,
    limits,
    snapshot: () => live.current,
    clock,
    randomId,
    onRequestDone: requestObserver(log, metrics),
    onUnderWay: underWayObserver(metrics),
    log,
  });
}

function opsListener(
  live: LiveConfiguration,
  { clock, log, metrics }: Runtime,
  isStopping: () => boolean,
): Listener {
  const { listeners, limits } = live.current.compiled;
  metrics.onScrape(() => {
    metrics.set('token_cache_size', live.current.verifier.cacheSize);
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
