/** A worker: one of several processes that serve clients, told by its supervisor what to use and when to stop. */
import type { AttributeLookup } from '../claims/store.ts';
import type { FetchedDocument } from '../core/document.ts';
import { type Api, createApi } from './api.ts';
import { createAttributeSource } from './attribute-source.ts';
import { type Configuration, type Environment, readConfiguration } from './configuration.ts';
import { type FileContents, handedFiles } from './configuration-files.ts';
import { CurrentSnapshot } from './current-snapshot.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { type Origins, stackOf } from './lifecycle.ts';
import { type Channel, createLink, type Link } from './link.ts';
import { systemClock } from './ports.ts';
import { readinessOf } from './readiness.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { openConfiguredTokenService, type RunningTokenService } from './token-service.ts';
import type { StartOrder, SupervisorCalls, WorkerCalls } from './worker-calls.ts';

/**
 * Serves until the supervisor says stop, or nothing caught an error. Returns the exit code. A supervisor that is gone
 * ends the process at once (node:cluster): nobody could stop it or hand it another configuration.
 */
export async function runWorker(): Promise<number> {
  // The supervisor is sent these too, and decides.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const worker = new Worker();
  const link: Link<SupervisorCalls> = createLink(
    ownChannel(),
    worker.calls((wanted) => fetchBy(link, wanted)),
  );
  const defect = new Promise<unknown>((resolve) => process.on('uncaughtException', resolve));
  const cause = await Promise.race([worker.stopped, defect]);
  if (cause !== null) {
    process.stderr.write(`countersign worker: nothing caught this: ${stackOf(cause)}\n`);
    await link.call('leave', null, LEAVE_MS).catch(() => {});
    await worker.stop(cause);
  }
  process.disconnect();
  return cause === null ? 0 : 1;
}

/** For the word that another worker is wanted; the supervisor may be busy. */
const LEAVE_MS = 5000;
/** On top of the time limit of a fetch, for the way to the supervisor and back. */
const FETCH_MARGIN_MS = 2000;

type Fetch = SupervisorCalls['document'];

function fetchBy(link: Link<SupervisorCalls>, wanted: Parameters<Fetch>[0]): Promise<FetchedDocument> {
  return link.call('document', wanted, wanted.timeoutMs + FETCH_MARGIN_MS);
}

function ownChannel(): Channel {
  return {
    send: (message, onFailed) => {
      if (!process.connected) onFailed();
      else process.send?.(message, undefined, {}, (error: Error | null) => error !== null && onFailed());
    },
    onMessage: (listener) => void process.on('message', listener),
    onClosed: (listener) => void process.on('disconnect', listener),
  };
}

interface Serving {
  readonly order: StartOrder;
  readonly runtime: Runtime;
  readonly live: CurrentSnapshot;
  readonly gateway: Gateway;
  readonly api: Api;
  readonly tokenService: RunningTokenService | null;
}

class Worker {
  /** Resolves with null when a stop that the supervisor asked for is over. */
  readonly stopped: Promise<null>;
  readonly #resolveStopped: (value: null) => void;
  readonly #attributes = createAttributeSource();
  #serving: Serving | null = null;
  #prepared: Snapshot | null = null;
  /** Counts what was asked to be prepared, and what was given up. */
  #preparation = 0;
  #stopping: Promise<void> | null = null;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<null>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
  }

  calls(fetch: Fetch): WorkerCalls {
    return {
      start: (order) => this.#start(order, fetch),
      prepare: (files) => this.#prepare(files),
      commit: async () => this.#commit(),
      discard: () => this.#discard(),
      readiness: async () => {
        const { live, tokenService } = this.#require();
        const isCatalogCurrent = tokenService?.catalogFeed.status().isCurrent ?? null;
        const isStopping = this.#stopping !== null;
        return readinessOf({ realms: live.current.realms, isStopping, reloadError: null, isCatalogCurrent });
      },
      metrics: () => this.#require().runtime.metrics.export(),
      stop: async () => {
        await this.stop();
        // After the answer to this call.
        setImmediate(() => this.#resolveStopped(null));
      },
    };
  }

  async #start(order: StartOrder, fetch: Fetch): Promise<Origins> {
    const configuration = await configurationOf(order, order.files, this.#attributes.lookup);
    const fetcherFor = (ca: string | null) => (wanted: Omit<Parameters<Fetch>[0], 'ca'>) =>
      fetch({ ...wanted, ca });
    const { observability } = configuration.compiled;
    const runtime = createRuntime(observability, {}, { number: order.number, fetcherFor });
    const tokenService = await openConfiguredTokenService(configuration.compiled, runtime);
    this.#attributes.use(tokenService);
    const live = new CurrentSnapshot(await build(configuration, { ...runtime, tokenService }), runtime.log);
    const gateway = createGateway(live, runtime, order.share);
    const api = createApi(live, runtime, tokenService, order.share);
    this.#serving = { order, runtime, live, gateway, api, tokenService };
    return { api: await api.start(), proxy: await gateway.start() };
  }

  async #prepare(files: FileContents): Promise<void> {
    const { order, runtime, tokenService } = this.#require();
    await this.#discard();
    const preparation = this.#preparation;
    const configuration = await configurationOf(order, files, this.#attributes.lookup);
    const snapshot = await build(configuration, { ...runtime, tokenService });
    await snapshot.prefetched();
    if (preparation === this.#preparation) this.#prepared = snapshot;
    else await this.#giveUp(snapshot);
  }

  /** The supervisor has waited too long, or wants something else by now. */
  async #giveUp(snapshot: Snapshot): Promise<never> {
    await snapshot.close();
    throw new Error('the configuration was given up while it was prepared');
  }

  #commit(): void {
    const prepared = this.#prepared;
    if (prepared === null) throw new Error('nothing was prepared');
    this.#prepared = null;
    this.#require().live.swap(prepared);
  }

  async #discard(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = null;
    this.#preparation += 1;
    await prepared?.close();
  }

  /** `defect`: the error that nobody caught, where that is why. */
  stop(defect?: unknown): Promise<void> {
    this.#stopping ??= this.#close(defect);
    return this.#stopping;
  }

  async #close(defect: unknown): Promise<void> {
    if (this.#serving === null) return;
    const { runtime, gateway, live, api, tokenService } = this.#serving;
    if (defect !== undefined)
      runtime.log.error('Stopping after a defect: nothing caught this', { cause: stackOf(defect) });
    await Promise.all([gateway.close(), api.close()]);
    await Promise.all([this.#discard(), live.close()]);
    await tokenService?.close();
    runtime.log.flush();
  }

  #require(): Serving {
    if (this.#serving === null) throw new Error('the worker has not started');
    return this.#serving;
  }
}

function build(
  configuration: Configuration,
  parts: Runtime & Pick<Serving, 'tokenService'>,
): Promise<Snapshot> {
  parts.nameKeySets(configuration.compiled);
  return buildSnapshot(configuration, { ...parts, isWorker: true });
}

/** @throws Error where the files are not in order, which the supervisor would have seen */
async function configurationOf(
  { configPath, environment }: { readonly configPath: string; readonly environment: Environment },
  files: FileContents,
  lookup: AttributeLookup,
): Promise<Configuration> {
  const result = await readConfiguration(configPath, environment, systemClock, handedFiles(files), lookup);
  if ('configuration' in result) return result.configuration;
  throw new Error(result.issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
}
