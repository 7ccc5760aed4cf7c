/** Where the retriever `store` asks: configurations are read before the token service runs, and again while it does. */
import type { AttributeLookup } from '../claims/store.ts';
import { attributesOfSubject } from '../tokens/user-attributes.ts';
import type { RunningTokenService } from './token-service.ts';

export interface AttributeSource {
  readonly lookup: AttributeLookup;
  /** From now on the users of this service are asked for. */
  use(running: Pick<RunningTokenService, 'service'> | null): void;
}

export function createAttributeSource(): AttributeSource {
  let running: Pick<RunningTokenService, 'service'> | null = null;
  return {
    async lookup(subject) {
      if (running === null) throw new Error('the token service does not run in this process');
      return await attributesOfSubject(running.service.store, running.service.catalog(), subject);
    },
    use(next) {
      running = next;
    },
  };
}
