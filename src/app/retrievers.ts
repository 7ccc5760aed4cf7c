/** Retrievers for a configuration being compiled. Modules are loaded meanwhile; the configuration waits for them. */
import { moduleRetriever } from '../claims/module.ts';
import { type AttributeLookup, storeRetriever, withStore } from '../claims/store.ts';
import { tokenRetriever } from '../claims/token.ts';
import type { RetrieverSpec } from '../config/compile/context.ts';
import type { ClaimsRetriever } from '../core/assertion.ts';
import type { Clock } from '../core/time.ts';

export interface Retrievers {
  /** Usable once `failures` has resolved with none. */
  retrieverFor(spec: RetrieverSpec): ClaimsRetriever;
  /** Waits until all modules are loaded; why some are not, for the operator. */
  failures(): Promise<readonly string[]>;
}

/** For commands that look at a configuration and run nothing. */
export const noStore: AttributeLookup = () =>
  Promise.reject(new Error('the token service does not run in this process'));

export function createRetrievers(clock: Clock, lookup: AttributeLookup): Retrievers {
  const loading: Promise<string | null>[] = [];
  return {
    retrieverFor(spec) {
      if (spec.kind === 'token') return tokenRetriever();
      if (spec.kind !== 'module') {
        const store = storeRetriever({ lookup, cache: spec.cache, clock });
        return spec.kind === 'store' ? store : withStore(tokenRetriever(), store);
      }
      const loaded = moduleRetriever({ file: spec.file, cache: spec.cache, clock });
      loading.push(loaded.then(() => null, messageOf));
      return whenLoaded(loaded);
    },
    failures: async () => (await Promise.all(loading)).filter((failure) => failure !== null),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function whenLoaded(loaded: Promise<ClaimsRetriever>): ClaimsRetriever {
  let retriever: ClaimsRetriever | null = null;
  loaded.then(
    (value) => {
      retriever = value;
    },
    () => undefined, // reported by failures()
  );
  return {
    name: 'module',
    get generation() {
      return retriever?.generation ?? 0;
    },
    retrieve: async (principal, realm) => await (await loaded).retrieve(principal, realm),
  };
}
