/** What follows from a catalog snapshot alone is worked out once for it, and dies with it. */
import type { Catalog } from './catalog.ts';

export function perCatalog<T extends object>(make: (catalog: Catalog) => T): (catalog: Catalog) => T {
  const known = new WeakMap<Catalog, T>();
  return (catalog) => {
    const found = known.get(catalog);
    if (found !== undefined) return found;
    const made = make(catalog);
    known.set(catalog, made);
    return made;
  };
}
