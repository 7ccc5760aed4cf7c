/** What outlives configurations: clock, log, metrics, and the key sets that snapshots share. */
import type { Compiled } from '../config/compile.ts';
import type { DocumentFetcher } from '../core/document.ts';
import type { Clock } from '../core/time.ts';
import { createDocumentFetcher } from '../forward/fetch-document.ts';
import { createKeySetRegistry, type KeySetRegistry } from '../jwt/key-set-registry.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { keySetObserver } from './observe.ts';
import { schedule, systemClock } from './ports.ts';
import { VERSION } from './version.ts';

export interface Runtime {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly registry: KeySetRegistry;
  /** Names the key sets of a configuration in metrics, after the first realm that uses each. */
  nameKeySets(compiled: Pick<Compiled, 'realms' | 'realmKeys'>): void;
}

export interface RuntimeOptions {
  readonly clock?: Clock;
  /** Receives log lines instead of standard output; several at once where they come from a worker. */
  readonly writeLog?: (line: string) => void;
}

/** One of several workers: its number, from 1, and the supervisor's way to fetch documents. */
export interface WorkerRuntime {
  readonly number: number;
  readonly fetcherFor: (ca: string | null) => DocumentFetcher;
}

export function createRuntime(
  { logs, metrics: { prefix } }: Compiled['observability'],
  options: RuntimeOptions,
  worker: WorkerRuntime | null = null,
): Runtime {
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics(prefix);
  const log = createLog({
    level: logs.level,
    onLost: () => metrics.add('log_lines_lost_total'),
    ...(worker === null ? {} : { members: { worker: worker.number } }),
    ...(options.writeLog === undefined ? {} : { write: options.writeLog }),
  });
  metrics.set('build_info', 1, [VERSION, process.versions.node]);
  let names: ReadonlyMap<string, string> = new Map();
  const registry = createKeySetRegistry({
    clock,
    random: Math.random,
    schedule,
    log,
    observe: keySetObserver(metrics, (source) => names.get(source) ?? 'unnamed'),
    fetcherFor: worker?.fetcherFor ?? ((ca) => createDocumentFetcher({ ca })),
  });
  const nameKeySets: Runtime['nameKeySets'] = (compiled) => {
    names = keySetNames(compiled);
  };
  return { clock, log, metrics, registry, nameKeySets };
}

/** For commands: they say what they have to say themselves. */
export function createQuietRuntime({ observability }: Pick<Compiled, 'observability'>): Runtime {
  return createRuntime({ ...observability, logs: { ...observability.logs, level: 'silent' } }, {});
}

function keySetNames({
  realms,
  realmKeys,
}: Pick<Compiled, 'realms' | 'realmKeys'>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { name, issuer } of realms) {
    const settings = realmKeys.get(name);
    const source = settings?.jwksUri ?? (settings?.discovery === true ? issuer : null);
    if (source !== null && !names.has(source)) names.set(source, name);
  }
  return names;
}
