/** Lets the tests of a file share one token service: whatever one of them changes is no matter of the others. */
import { isDeepStrictEqual } from 'node:util';
import { afterEach } from 'vitest';
import type { Catalog, CatalogKind } from '../../src/tokens/catalog.ts';
import { objectsOf } from '../../src/tokens/objects/catalog-object.ts';
import { CATALOG_KINDS } from './catalog-kinds.ts';
import type { ComposedTokenService } from './compose-token-service.ts';
import { configure } from './token-fixtures.ts';

/**
 * After each test clock, configuration objects and events are as they are now. Users, registrations, sessions, and for
 * whom a key has signed, stay as the test left them.
 */
export function restoreAfterEach({ service, clock, events }: ComposedTokenService): void {
  const startMs = clock();
  const before = service.catalog();
  afterEach(async () => {
    clock.setMs(startMs);
    events.length = 0;
    await service.refreshCatalog();
    for (const kind of CATALOG_KINDS) await restore(service, kind, before);
    await service.refreshCatalog();
  });
}

async function restore<Kind extends CatalogKind>(
  service: ComposedTokenService['service'],
  kind: Kind,
  catalog: Catalog,
): Promise<void> {
  const before = objectsOf(catalog, kind);
  for (const [id, present] of objectsOf(service.catalog(), kind)) {
    const object = before.get(id);
    if (object === undefined) await service.store.catalog.delete(kind, id);
    else if (kind !== 'keys' && !isDeepStrictEqual(present, object))
      await configure(service, kind, id, () => object);
  }
}
