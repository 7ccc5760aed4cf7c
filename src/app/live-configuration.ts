/** The snapshot in use, and how another one takes its place. */
import type { Compiled } from '../config/compile.ts';
import { type ConfigIssue, summarizeIssues } from '../config/issue.ts';
import { KEYS_RELOAD_MS } from '../jwt/key-lifecycle.ts';
import { acceptsUnsigned } from '../jwt/realm-binding.ts';
import type { Configuration, ConfigurationResult } from './configuration.ts';
import { type HeldSnapshot, holdable } from './held-snapshot.ts';
import type { Runtime } from './runtime.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';

export interface LiveConfiguration {
  readonly current: HeldSnapshot;
  /** Of the last reload; null where it succeeded, or there was none. */
  readonly reloadError: string | null;
  /** Parses, validates, builds, prefetches, swaps. False: the file is not in order and nothing changed. */
  reload(): Promise<boolean>;
  /** Called whenever another snapshot has come into use. */
  onSwap(listener: (current: HeldSnapshot) => void): void;
  close(): Promise<void>;
}

/** `read` reads the configuration file again. */
export async function openConfiguration(
  first: Configuration,
  read: () => Promise<ConfigurationResult>,
  runtime: Runtime,
): Promise<LiveConfiguration> {
  runtime.nameKeySets(first.compiled);
  const snapshot = await buildSnapshot(first, runtime);
  announce(snapshot, runtime);
  snapshot.upstreams.startChecks();
  return new SwappingConfiguration(snapshot, read, runtime);
}

class SwappingConfiguration implements LiveConfiguration {
  reloadError: string | null = null;
  #current: HeldSnapshot;
  #generation = 1;
  /** Reloads run one after another: the last file that was written is the one in use. */
  #reloading: Promise<boolean> = Promise.resolve(true);
  readonly #read: () => Promise<ConfigurationResult>;
  readonly #runtime: Runtime;
  /** Replaced, with requests still running on them. */
  readonly #retired = new Set<HeldSnapshot>();
  readonly #listeners: ((current: HeldSnapshot) => void)[] = [];
  readonly #keysTimer: NodeJS.Timeout;
  /** What the process was started with. */
  readonly #first: Compiled;

  constructor(first: Snapshot, read: () => Promise<ConfigurationResult>, runtime: Runtime) {
    this.#current = holdable(first);
    this.#first = first.compiled;
    this.#read = read;
    this.#runtime = runtime;
    runtime.metrics.set('config_generation', this.#generation);
    runtime.metrics.set('config_last_reload_success', 1);
    this.#keysTimer = setInterval(() => void this.#current.keyring.reload(), KEYS_RELOAD_MS).unref();
  }

  get current(): HeldSnapshot {
    return this.#current;
  }

  reload(): Promise<boolean> {
    this.#reloading = this.#reloading.then(() => this.#reloadNow());
    return this.#reloading;
  }

  async #reloadNow(): Promise<boolean> {
    try {
      const result = await this.#read();
      if ('issues' in result) return this.#refused(result.issues);
      requireSameListeners(this.#first, result.configuration.compiled);
      this.#runtime.nameKeySets(result.configuration.compiled);
      const next = await buildSnapshot(result.configuration, this.#runtime);
      await next.prefetched();
      this.#swap(next);
      return true;
    } catch (error) {
      return this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #swap(next: Snapshot): void {
    const { log, metrics } = this.#runtime;
    const old = this.#current;
    this.#current = holdable(next);
    this.#generation += 1;
    this.reloadError = null;
    metrics.set('config_generation', this.#generation);
    metrics.set('config_last_reload_success', 1);
    metrics.add('config_reloads_total', ['ok']);
    log.info('Configuration reloaded', { generation: this.#generation });
    announce(next, this.#runtime);
    next.upstreams.startChecks();
    old.upstreams.stopChecks();
    warnOfRestart(this.#first, next.compiled, this.#runtime);
    for (const listener of this.#listeners) listener(this.#current);
    void this.#retire(old);
  }

  async #retire(old: HeldSnapshot): Promise<void> {
    this.#retired.add(old);
    await old.retire().catch(({ message }: Error) => {
      this.#runtime.log.error('An old configuration could not be closed', { cause: message });
    });
    this.#retired.delete(old);
  }

  onSwap(listener: (current: HeldSnapshot) => void): void {
    this.#listeners.push(listener);
  }

  #refused(issues: readonly ConfigIssue[]): false {
    return this.#failed(summarizeIssues(issues));
  }

  #failed(cause: string): false {
    const { log, metrics } = this.#runtime;
    this.reloadError = cause;
    metrics.set('config_last_reload_success', 0);
    metrics.add('config_reloads_total', ['failed']);
    log.error('Configuration was not reloaded, the old one stays in use', { cause });
    return false;
  }

  async close(): Promise<void> {
    clearInterval(this.#keysTimer);
    await this.#reloading;
    await Promise.all([this.#current, ...this.#retired].map((snapshot) => snapshot.close()));
  }
}

/** What a running process does not change: limits of its sockets, where logs and metrics go. */
const FIXED_SETTINGS = ['limits', 'observability'] as const;

function warnOfRestart(first: Compiled, next: Compiled, { log }: Runtime): void {
  const settings = FIXED_SETTINGS.filter((key) => JSON.stringify(first[key]) !== JSON.stringify(next[key]));
  if (settings.length > 0) log.warn('Changed settings take effect at the next start only', { settings });
}

/**
 * A process that still listened as before, in plain text or without asking for client certificates, while the file
 * says otherwise, would look safer than it is. Certificates themselves may change.
 *
 * @throws Error
 */
function requireSameListeners(first: Compiled, next: Compiled): void {
  if (JSON.stringify(fixedOf(first)) !== JSON.stringify(fixedOf(next)))
    throw new Error('listeners have changed: restart to apply the file');
}

function fixedOf({ listeners: { proxy, ops } }: Compiled) {
  const { bind, tls, proxyProtocol } = proxy;
  return [ops, bind, proxyProtocol, tls !== null, (tls?.clientAuthorities ?? null) !== null];
}

/** What an operator must not overlook, in the log whenever a configuration comes into use. */
function announce({ compiled, realms }: Snapshot, { log, metrics }: Runtime): void {
  for (const { file, line, path, message } of compiled.warnings)
    log.warn('Configuration', { place: `${file}:${line}`, path, warning: message });
  const unsigned = realms.filter(acceptsUnsigned).map(({ realm }) => realm.name);
  metrics.set('unsigned_realms', unsigned.length);
  if (unsigned.length > 0)
    log.warn('Realms accept unsigned tokens: anybody can be anyone in them', { realms: unsigned });
}
