/** Reloads of the configuration: read, checked, put into use as a whole or not at all, and told of. */
import type { Compiled } from '../config/compile.ts';
import { summarizeIssues } from '../config/issue.ts';
import type { Configuration, ConfigurationResult } from './configuration.ts';
import { unsignedRealms } from './realms.ts';
import type { Runtime } from './runtime.ts';

export interface ReloadsOptions {
  /** In use already. */
  readonly first: Configuration;
  /** Reads the configuration file again. */
  readonly read: () => Promise<ConfigurationResult>;
  /** Puts it into use. Rejects where it cannot be used; nothing has changed then. */
  readonly use: (next: Configuration) => Promise<void>;
  readonly runtime: Pick<Runtime, 'log' | 'metrics'>;
}

export class Reloads {
  #error: string | null = null;
  #generation = 1;
  /** Reloads run one after another: the last file that was written is the one in use. */
  #running: Promise<boolean> = Promise.resolve(true);
  readonly #options: ReloadsOptions;

  constructor(options: ReloadsOptions) {
    const { metrics } = options.runtime;
    this.#options = options;
    metrics.set('config_generation', this.#generation);
    metrics.set('config_last_reload_success', 1);
    announce(options.first, options.runtime);
  }

  /** Of the last reload; null where it succeeded, or there was none. */
  get error(): string | null {
    return this.#error;
  }

  /** False: the configuration is not in order, and the old one stays. Never rejects. */
  reload(): Promise<boolean> {
    this.#running = this.#running.then(() => this.#reloadNow());
    return this.#running;
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #reloadNow(): Promise<boolean> {
    const { read, use, first } = this.#options;
    try {
      const result = await read();
      if ('issues' in result) return this.#failed(summarizeIssues(result.issues));
      requireSameListeners(first.compiled, result.configuration.compiled);
      await use(result.configuration);
      this.#succeeded(result.configuration);
      return true;
    } catch (error) {
      return this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #succeeded(next: Configuration): void {
    const { runtime, first } = this.#options;
    const { log, metrics } = runtime;
    this.#generation += 1;
    this.#error = null;
    metrics.set('config_generation', this.#generation);
    metrics.set('config_last_reload_success', 1);
    metrics.add('config_reloads_total', ['ok']);
    log.info('Configuration reloaded', { generation: this.#generation });
    announce(next, runtime);
    warnOfRestart(first.compiled, next.compiled, runtime);
  }

  #failed(cause: string): false {
    const { log, metrics } = this.#options.runtime;
    this.#error = cause;
    metrics.set('config_last_reload_success', 0);
    metrics.add('config_reloads_total', ['failed']);
    log.error('Configuration was not reloaded, the old one stays in use', { cause });
    return false;
  }
}

/** What a running process does not change: its workers, limits of its sockets, where logs and metrics go. */
const FIXED_SETTINGS = ['workers', 'limits', 'observability'] as const;

function warnOfRestart(first: Compiled, next: Compiled, { log }: ReloadsOptions['runtime']): void {
  const settings: string[] = FIXED_SETTINGS.filter(
    (key) => JSON.stringify(first[key]) !== JSON.stringify(next[key]),
  );
  if (JSON.stringify(settingsOf(first)) !== JSON.stringify(settingsOf(next))) settings.push('tokenService');
  if (settings.length > 0) log.warn('Changed settings take effect at the next start only', { settings });
}

/** Objects of the token service change with the file; what it runs with does not. */
function settingsOf({ tokenService }: Compiled) {
  return { ...tokenService, seed: null };
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
  if (JSON.stringify(first.tokenService?.store) !== JSON.stringify(next.tokenService?.store))
    throw new Error('the store of the token service has changed: restart to apply the file');
}

function fixedOf({ listeners: { proxy, ops, api } }: Compiled) {
  return [ops, proxy.proxyProtocol, ...[proxy, api].map((place) => place && fixedPlace(place))];
}

function fixedPlace({ bind, tls }: Pick<Compiled['listeners']['proxy'], 'bind' | 'tls'>) {
  return [bind, tls !== null, (tls?.clientAuthorities ?? null) !== null];
}

/** What an operator must not overlook, in the log whenever a configuration comes into use. */
function announce(configuration: Configuration, { log, metrics }: ReloadsOptions['runtime']): void {
  for (const { file, line, path, message } of configuration.compiled.warnings)
    log.warn('Configuration', { place: `${file}:${line}`, path, warning: message });
  const unsigned = unsignedRealms(configuration);
  metrics.set('unsigned_realms', unsigned.length);
  if (unsigned.length > 0)
    log.warn('Realms accept unsigned tokens: anybody can be anyone in them', { realms: unsigned });
}
