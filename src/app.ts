/** The composition root: a running countersign, from its configuration file to its end. */
import { createApi } from './app/api.ts';
import { createAttributeSource } from './app/attribute-source.ts';
import type { Configuration, Environment } from './app/configuration.ts';
import { type ConfigurationReader, createConfigurationReader } from './app/configuration-reader.ts';
import { CurrentSnapshot } from './app/current-snapshot.ts';
import { createGateway } from './app/gateway.ts';
import { createEnding, type RunningApp } from './app/lifecycle.ts';
import { startListener } from './app/listening.ts';
import { randomId, systemClock } from './app/ports.ts';
import { readinessOf } from './app/readiness.ts';
import { Reloads } from './app/reloads.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from './app/runtime.ts';
import { buildSnapshot } from './app/snapshot.ts';
import { startSupervisor } from './app/supervisor.ts';
import { openConfiguredTokenService, type RunningTokenService, seedAgain } from './app/token-service.ts';
import { watch } from './app/watch.ts';
import { type ConfigIssue, formatIssues } from './config/issue.ts';
import { createOpsListener } from './http/ops.ts';

export interface AppOptions extends RuntimeOptions {
  readonly configPath: string;
  readonly environment: Environment;
}

export type App = RunningApp;

/** The configuration is not in order. The message lists every issue with its place. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(issues: readonly ConfigIssue[]) {
    super(formatIssues(issues));
  }
}

/** @throws ConfigurationError; Error where keys or ports cannot be had, or workers do not start */
export async function startApp(options: AppOptions): Promise<App> {
  const { configPath, environment } = options;
  const attributes = createAttributeSource();
  const clock = options.clock ?? systemClock;
  const reader = createConfigurationReader(configPath, environment, clock, attributes.lookup);
  const result = await reader.read();
  if ('issues' in result) throw new ConfigurationError(result.issues);
  const { configuration } = result;
  const runtime = createRuntime(configuration.compiled.observability, options);
  if (configuration.compiled.workers > 1)
    return await startSupervisor({ configuration, reader, runtime, configPath, environment });
  const seeding = { isSeeding: true };
  const tokenService = await openConfiguredTokenService(configuration.compiled, runtime, seeding);
  attributes.use(tokenService);
  try {
    return await startAlone({ first: configuration, reader, runtime, tokenService });
  } catch (error) {
    await tokenService?.close();
    throw error;
  }
}

interface Parts {
  readonly first: Configuration;
  readonly reader: ConfigurationReader;
  readonly runtime: Runtime;
  readonly tokenService: RunningTokenService | null;
}

/** One process that does everything. */
async function startAlone({ first, reader, runtime, tokenService }: Parts): Promise<App> {
  const parts = { ...runtime, tokenService };
  const live = new CurrentSnapshot(await build(first, parts), runtime.log);
  const use = async (next: Configuration) => {
    const snapshot = await build(next, parts);
    try {
      if (tokenService !== null) await seedAgain(tokenService, next.compiled);
      await snapshot.prefetched();
    } catch (error) {
      await snapshot.close();
      throw error;
    }
    live.swap(snapshot);
  };
  const reloads = new Reloads({ first, read: () => reader.read(), use, runtime });
  const gateway = createGateway(live, runtime, null);
  const api = createApi(live, runtime, tokenService, null);
  const ending = createEnding(runtime.log, () => close());
  const ops = createOpsListener({
    bind: first.compiled.listeners.ops.bind,
    limits: first.compiled.limits,
    randomId,
    clock: runtime.clock,
    readiness: () => {
      const { realms } = live.current;
      const isCatalogCurrent = tokenService?.catalogFeed.status().isCurrent ?? null;
      return readinessOf({
        realms,
        isStopping: ending.hasBegun,
        reloadError: reloads.error,
        isCatalogCurrent,
      });
    },
    metrics: () => runtime.metrics.scrape(),
    keys: () => live.current.keys,
    log: runtime.log,
  });
  const isOn = () => live.current.compiled.watchesFiles && !ending.hasBegun;
  const unwatch = watch({ sources: reader.sources, isOn, onChange: () => reloads.reload() });
  const close = async () => {
    unwatch();
    await Promise.all([gateway.close(), api.close()]);
    await reloads.settled();
    await Promise.all([ops.close(0), live.close()]);
    await tokenService?.close();
    runtime.log.flush();
  };
  try {
    // Clients are let in last, when all else stands.
    const opsOrigin = await startListener('ops', ops, first.compiled.listeners.ops);
    const origins = { api: await api.start(), proxy: await gateway.start(), ops: opsOrigin };
    runtime.log.info('Listening', origins);
    return { origins, reload: () => reloads.reload(), stop: ending.stop };
  } catch (error) {
    await close();
    throw error;
  }
}

function build(configuration: Configuration, parts: Runtime & Pick<Parts, 'tokenService'>) {
  parts.nameKeySets(configuration.compiled);
  return buildSnapshot(configuration, parts);
}
