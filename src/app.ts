/** The composition root: a running countersign, from its configuration file to its end. */
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
  const reader = createConfigurationReader(configPath, environment, options.clock ?? systemClock);
  const result = await reader.read();
  if ('issues' in result) throw new ConfigurationError(result.issues);
  const { configuration } = result;
  const runtime = createRuntime(configuration.compiled.observability, options);
  if (configuration.compiled.workers > 1)
    return await startSupervisor({ configuration, reader, runtime, configPath, environment });
  return await startAlone(configuration, reader, runtime);
}

/** One process that does everything. */
async function startAlone(first: Configuration, reader: ConfigurationReader, runtime: Runtime): Promise<App> {
  const live = new CurrentSnapshot(await build(first, runtime), runtime.log);
  const use = async (next: Configuration) => {
    const snapshot = await build(next, runtime);
    await snapshot.prefetched();
    live.swap(snapshot);
  };
  const reloads = new Reloads({ first, read: () => reader.read(), use, runtime });
  const gateway = createGateway(live, runtime, null);
  const ending = createEnding(runtime.log, () => close());
  const ops = createOpsListener({
    bind: first.compiled.listeners.ops.bind,
    limits: first.compiled.limits,
    randomId,
    readiness: () => {
      const { realms } = live.current;
      return readinessOf({ realms, isStopping: ending.hasBegun, reloadError: reloads.error });
    },
    metrics: () => runtime.metrics.scrape(),
    keys: () => live.current.keys,
    log: runtime.log,
  });
  const isOn = () => live.current.compiled.watchesFiles && !ending.hasBegun;
  const unwatch = watch({ sources: reader.sources, isOn, onChange: () => reloads.reload() });
  const close = async () => {
    unwatch();
    await gateway.close();
    await reloads.settled();
    await Promise.all([ops.close(0), live.close()]);
    runtime.log.flush();
  };
  try {
    // Clients are let in last, when all else stands.
    const opsOrigin = await startListener('ops', ops, first.compiled.listeners.ops);
    const origins = { proxy: await gateway.start(), ops: opsOrigin };
    runtime.log.info('Listening', origins);
    return { origins, reload: () => reloads.reload(), stop: ending.stop };
  } catch (error) {
    await close();
    throw error;
  }
}

function build(configuration: Configuration, runtime: Runtime) {
  runtime.nameKeySets(configuration.compiled);
  return buildSnapshot(configuration, runtime);
}
