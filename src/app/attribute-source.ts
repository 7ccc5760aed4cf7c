/** Where the retriever `store` asks: configurations are read before the token service runs, and again while it does. */
import type { AttributeLookup } from '../claims/store.ts';
import type { TokenService } from '../tokens/service.ts';
import { attributesOfSubject } from '../tokens/user-attributes.ts';

export interface AttributeSource {
  readonly lookup: AttributeLookup;
  /** From now on the users of this service are asked for. */
  use(running: RunningAttributes | null): void;
}

interface RunningAttributes {
  readonly service: Pick<TokenService, 'store' | 'catalog'>;
}

export function createAttributeSource(): AttributeSource {
  let running: RunningAttributes | null = null;
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
