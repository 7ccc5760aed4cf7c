/** Retrievers for a configuration being compiled. Modules are loaded meanwhile; the configuration waits for them. */
import { moduleRetriever } from '../claims/module.ts';
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

export function createRetrievers(clock: Clock): Retrievers {
  const loading: Promise<string | null>[] = [];
  return {
    retrieverFor(spec) {
      if (spec.kind === 'token') return tokenRetriever();
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
