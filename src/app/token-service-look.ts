/** The token service as commands see it that only look: its store is read, nothing is issued, sent, cleared up or changed. */
import type { Compiled } from '../config/compile.ts';
import { openCatalogFeed } from '../tokens/catalog-feed.ts';
import { openRevocationFeed } from '../tokens/revocation-feed.ts';
import type { TokenService } from '../tokens/service.ts';
import { schedule } from './ports.ts';
import type { NoTokenService } from './realms.ts';
import type { Runtime } from './runtime.ts';
import type { SelfTokens } from './self-realm.ts';
import { lookIntoTokenStore, type TokenStore } from './token-store.ts';

export interface TokenServiceLook extends SelfTokens {
  readonly service: Pick<TokenService, 'store' | 'sealer' | 'catalog'>;
  close(): Promise<void>;
}

/** Null where the configuration has none. What cannot be read is said in the place of what it would tell. */
export async function lookAtTokenService(
  compiled: Pick<Compiled, 'tokenService' | 'dataDir'>,
  runtime: Pick<Runtime, 'clock' | 'log'>,
): Promise<TokenServiceLook | NoTokenService | null> {
  try {
    const opened = await lookIntoTokenStore(compiled, runtime);
    return opened === null ? null : await lookInto(opened, runtime);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { missing: `the store of the token service cannot be read: ${cause}` };
  }
}

async function lookInto(
  opened: TokenStore,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<TokenServiceLook> {
  const { store } = opened;
  const feeds = { store, clock, schedule, log };
  try {
    const catalogFeed = await openCatalogFeed(feeds);
    const revocations = await openRevocationFeed(feeds).catch((error: unknown) => {
      catalogFeed.close();
      throw error;
    });
    return {
      service: { ...opened, catalog: () => catalogFeed.catalog() },
      revocations,
      async close() {
        catalogFeed.close();
        revocations.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
