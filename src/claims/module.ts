/** The retriever `{module: ./file.ts}`: a module of the operator, loaded at start, asked once a user for a while. */
import { pathToFileURL } from 'node:url';
import type { ClaimsRetriever, UserClaims } from '../core/assertion.ts';
import { CountersignError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import type { Realm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import { attributesOf } from './attributes.ts';
import { ClaimsCache } from './cache.ts';
import type { RetrieverModule } from './retriever.ts';

/** The module cannot be used. For the operator: a configuration error. */
export class RetrieverModuleError extends Error {
  override readonly name = 'RetrieverModuleError';
}

export interface ModuleRetrieverOptions {
  /** Absolute path of the module. */
  readonly file: string;
  readonly cache: { readonly ttlMs: number; readonly max: number };
  readonly clock: Clock;
  /** Until the answer for one user must be there, `init` included. */
  readonly timeoutMs?: number;
}

export interface ModuleRetriever extends ClaimsRetriever {
  /** Rises with `clear`, so that assertions made with forgotten claims are not sent any more. */
  readonly generation: number;
  /** Forgets all claims: the next request of every user asks the module again. */
  clear(): void;
}

/** A request waits for this; most upstreams would have answered by then. */
const TIMEOUT_MS = 2000;

/**
 * Loads the module. A changed file needs a restart: Node keeps a module for as long as the process lives.
 *
 * @throws RetrieverModuleError where the file cannot be loaded or is no retriever
 */
export async function moduleRetriever(options: ModuleRetrieverOptions): Promise<ModuleRetriever> {
  const retriever = await loadModule(options.file);
  const initialized = initOnce(retriever);
  const cache = new ClaimsCache<UserClaims>({ ...options.cache, clock: options.clock });
  let generation = 0;

  async function ask(endUser: string, realm: string, signal: AbortSignal): Promise<UserClaims> {
    await initialized();
    const found = await retriever.getClaims(endUser, { realm, signal });
    return { dialect: dialectOf(retriever, endUser), ...attributesOf(found) };
  }

  return {
    name: 'module',
    get generation() {
      return generation;
    },
    clear() {
      cache.clear();
      generation += 1;
    },
    retrieve({ subject }: Principal, { name: realm }: Realm) {
      return cache.get(JSON.stringify([realm, subject]), () =>
        withinTime(options.timeoutMs ?? TIMEOUT_MS, (signal) => ask(subject, realm, signal)),
      );
    },
  };
}

async function loadModule(file: string): Promise<RetrieverModule> {
  const namespace = await importModule(file);
  const candidate = 'default' in namespace ? namespace['default'] : namespace;
  if (!isRetriever(candidate))
    throw new RetrieverModuleError(
      `${file}: exports no function getClaims, or an init or getDialectURI that is no function`,
    );
  return candidate;
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RetrieverModuleError(`${file}: cannot be loaded: ${reason}`, { cause });
  }
}

function isRetriever(candidate: unknown): candidate is RetrieverModule {
  if (typeof candidate !== 'object' || candidate === null) return false;
  const has = (name: string) => typeof Reflect.get(candidate, name) === 'function';
  const lacks = (name: string) => Reflect.get(candidate, name) === undefined;
  return has('getClaims') && ['init', 'getDialectURI'].every((name) => has(name) || lacks(name));
}

/** One call of `init` for all who wait; a failed one is tried again, so that an outage at start does not last. */
function initOnce(retriever: RetrieverModule): () => Promise<void> {
  let underWay: Promise<void> | null = null;
  const init = async () => {
    await retriever.init?.();
  };
  return () => {
    underWay ??= init().catch((error: unknown) => {
      underWay = null;
      throw error;
    });
    return underWay;
  };
}

function dialectOf(retriever: RetrieverModule, endUser: string): string | null {
  const dialect: unknown = retriever.getDialectURI?.(endUser) ?? null;
  if (dialect === null || typeof dialect === 'string') return dialect;
  throw new TypeError('getDialectURI gave no text');
}

/** @throws CountersignError claims_unavailable when the time is up, and for whatever the module throws */
async function withinTime<T>(timeoutMs: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${timeoutMs} ms`));
    controller.abort();
  }, timeoutMs);
  try {
    return await Promise.race([ask(controller.signal), late]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CountersignError('claims_unavailable', `the claims retriever failed: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
