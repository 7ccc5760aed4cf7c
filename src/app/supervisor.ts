/**
 * The supervisor of several workers: it makes the signing keys, checks configurations, fetches documents of issuers and
 * answers operators, once for all of them. No request of a client goes through it.
 */
import { randomBytes } from 'node:crypto';
import type { Compiled } from '../config/compile.ts';
import { createDocumentFetcher } from '../forward/fetch-document.ts';
import { createOpsListener } from '../http/ops.ts';
import type { Listener } from '../http/server.ts';
import { KEYS_RELOAD_MS } from '../jwt/key-lifecycle.ts';
import type { Keyring } from '../jwt/keyring.ts';
import type { Configuration, Environment } from './configuration.ts';
import type { FileContents } from './configuration-files.ts';
import type { ConfigurationReader } from './configuration-reader.ts';
import { Fleet } from './fleet.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import { reloadAll } from './fleet-reload.ts';
import type { WorkerShare } from './gateway.ts';
import { createTurns } from './in-turn.ts';
import { createEnding, type Ending, type Origins, type RunningApp } from './lifecycle.ts';
import { reservePort, startListener } from './listening.ts';
import { randomId, schedule } from './ports.ts';
import { fleetReadiness } from './readiness.ts';
import { Reloads } from './reloads.ts';
import type { Runtime } from './runtime.ts';
import { createSharedDocuments } from './shared-documents.ts';
import { openSigningKeys } from './signing-keys.ts';
import { publishedKeysOf } from './snapshot.ts';
import { openTokenStore, seedStore, type TokenStore } from './token-store.ts';
import { watch } from './watch.ts';
import { forkWorker } from './worker-process.ts';

export interface SupervisorOptions {
  readonly configuration: Configuration;
  /** Has read the configuration. */
  readonly reader: ConfigurationReader;
  readonly runtime: Runtime;
  readonly configPath: string;
  readonly environment: Environment;
}

/** A worker that does not answer in time is not ready. */
const READINESS_MS = 1000;
/** As long as the output of the hash that keys are derived with. */
const TICKET_SECRET_BYTES = 32;

/** @throws Error where keys or ports cannot be had, or workers do not start */
export async function startSupervisor(options: SupervisorOptions): Promise<RunningApp> {
  const { log } = options.runtime;
  const { compiled } = options.configuration;
  const tokenStore = await openTokenStore(compiled, options.runtime);
  const supervisor = await createSupervisor(options, tokenStore);
  const { listeners } = compiled;
  try {
    // Clients are let in last, when all else stands.
    const ops = await startListener('ops', supervisor.ops, listeners.ops);
    const origins = { ...(await supervisor.startWorkers()), ops };
    log.info('Listening', { ...origins, workers: compiled.workers });
    return { origins, reload: () => supervisor.reloads.reload(), stop: supervisor.ending.stop };
  } catch (error) {
    await supervisor.close();
    throw error;
  }
}

async function createSupervisor(
  options: SupervisorOptions,
  tokenStore: TokenStore | null,
): Promise<Supervisor> {
  try {
    const keyring = await openSigningKeys(options.configuration.compiled, { ...options.runtime, tokenStore });
    return new Supervisor(options, { keyring, tokenStore });
  } catch (error) {
    await tokenStore?.store.close();
    throw error;
  }
}

/** What it opens for itself. */
interface Held {
  readonly keyring: Keyring;
  /** It alone makes the store hold what the file declares; workers open it for themselves. */
  readonly tokenStore: TokenStore | null;
}

class Supervisor {
  readonly ops: Listener;
  readonly reloads: Reloads;
  readonly ending: Ending;
  readonly #options: SupervisorOptions;
  readonly #fleet: Fleet;
  readonly #inTurn = createTurns();
  readonly #unwatch: () => void;
  readonly #keysTimer: NodeJS.Timeout;
  #configuration: Configuration;
  /** What `#configuration` was made of; workers that start are given it. */
  #files: FileContents;
  #keyring: Keyring;
  readonly #tokenStore: TokenStore | null;
  #ports: WorkerShare['ports'] = { proxy: 0, api: null };

  constructor(options: SupervisorOptions, { keyring, tokenStore }: Held) {
    const { configuration, reader, runtime } = options;
    this.#options = options;
    this.#configuration = configuration;
    this.#files = reader.contents;
    this.#keyring = keyring;
    this.#tokenStore = tokenStore;
    this.#fleet = this.#createFleet();
    this.ending = createEnding(runtime.log, () => this.close());
    const use = (next: Configuration) => this.#inTurn(() => this.#use(next));
    this.reloads = new Reloads({ first: configuration, read: () => reader.read(), use, runtime });
    this.ops = this.#createOps();
    const isOn = () => this.#configuration.compiled.watchesFiles && !this.ending.hasBegun;
    this.#unwatch = watch({ sources: reader.sources, isOn, onChange: () => this.reloads.reload() });
    this.#keysTimer = setInterval(() => void this.#keyring.reload(), KEYS_RELOAD_MS).unref();
  }

  async startWorkers(): Promise<Origins> {
    const { compiled } = this.#configuration;
    const { proxy, api } = compiled.listeners;
    await this.#seed(compiled);
    this.#ports = {
      proxy: await reservePort('proxy', proxy),
      api: api === null ? null : await reservePort('api', api),
    };
    return await this.#inTurn(() => this.#fleet.start());
  }

  async close(): Promise<void> {
    const { log } = this.#options.runtime;
    this.#unwatch();
    clearInterval(this.#keysTimer);
    await this.#fleet.stop(this.#configuration.compiled.shutdownGraceMs);
    await this.reloads.settled();
    await this.ops.close(0);
    await this.#tokenStore?.store.close();
    log.flush();
  }

  async #seed({ tokenService: settings }: Compiled): Promise<void> {
    if (this.#tokenStore !== null && settings !== null)
      await seedStore(this.#tokenStore, settings.seed, this.#options.runtime);
  }

  async #use(next: Configuration): Promise<void> {
    const { runtime, reader } = this.#options;
    const files = reader.contents;
    const keyring = await openSigningKeys(next.compiled, { ...runtime, tokenStore: this.#tokenStore });
    const onPrepared = () => this.#seed(next.compiled);
    await reloadAll({ serving: this.#fleet.serving(), files, log: runtime.log, onPrepared });
    this.#configuration = next;
    this.#files = files;
    this.#keyring = keyring;
  }

  #createFleet(): Fleet {
    const { runtime, configPath, environment, configuration } = this.#options;
    const { workers } = configuration.compiled;
    const documents = createSharedDocuments({
      fetcherFor: (ca) => createDocumentFetcher({ ca }),
      clock: runtime.clock,
    });
    const ticketSecret = randomBytes(TICKET_SECRET_BYTES);
    return new Fleet({
      ...runtime,
      count: workers,
      schedule,
      inTurn: this.#inTurn,
      fork: (onLeave) =>
        forkWorker({
          onLines: (lines) => runtime.log.relay(lines),
          calls: (id) => ({
            document: (wanted) => documents.fetch(id, wanted),
            leave: async () => onLeave(),
          }),
        }),
      orderFor: (number) => ({
        number,
        share: { workers, ports: this.#ports, ticketSecret },
        configPath,
        environment,
        files: this.#files,
      }),
    });
  }

  #createOps(): Listener {
    const { runtime, configuration } = this.#options;
    const { listeners, limits } = configuration.compiled;
    const metrics = new FleetMetrics(runtime.metrics, this.#fleet);
    return createOpsListener({
      bind: listeners.ops.bind,
      limits,
      randomId,
      clock: runtime.clock,
      readiness: () => this.#readiness(),
      metrics: () => metrics.scrape(),
      keys: () => publishedKeysOf(this.#configuration.compiled, this.#keyring),
      log: runtime.log,
    });
  }

  async #readiness() {
    const asked = this.#fleet.serving().map(async ({ number, worker }) => ({
      number,
      readiness: await worker.link.call('readiness', null, READINESS_MS).catch(() => null),
    }));
    return fleetReadiness({
      workers: await Promise.all(asked),
      missing: this.#fleet.missing(),
      isStopping: this.ending.hasBegun,
      reloadError: this.reloads.error,
    });
  }
}
