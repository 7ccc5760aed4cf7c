/** Claim names under a dialect: WSO2's way to tell `http://wso2.org/claims/tier` from everyone else's `tier`. */

/** Full names by dialect and name. Every assertion needs the same ones, as keys of maps: a known text is hashed once. */
const KNOWN = new Map<string, Map<string, string>>();
/** Issuers and retrievers choose names, so the memory has bounds, and beyond them is simply not used. */
const DIALECTS_MAX = 20;
const NAMES_MAX = 500;
const NAME_CHARACTERS_MAX = 128;

/** `<dialect>/<name>`; an empty dialect, or one that ends in `/`, gets no further slash. */
export function joinDialect(dialect: string, name: string): string {
  const known = KNOWN.get(dialect)?.get(name);
  if (known !== undefined) return known;
  const joined = dialect === '' || dialect.endsWith('/') ? `${dialect}${name}` : `${dialect}/${name}`;
  if (joined.length <= NAME_CHARACTERS_MAX) remember(dialect, name, joined);
  return joined;
}

function remember(dialect: string, name: string, joined: string): void {
  const names = KNOWN.get(dialect) ?? new Map<string, string>();
  if (KNOWN.size < DIALECTS_MAX) KNOWN.set(dialect, names);
  if (names.size < NAMES_MAX) names.set(name, joined);
}

/** True for names that are URIs already: `http://…`, `urn:…`. They never get a dialect. */
export function isUriName(name: string): boolean {
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|urn:)/.test(name);
}
