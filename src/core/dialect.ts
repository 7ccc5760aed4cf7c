/** Claim names under a dialect: WSO2's way to tell `http://wso2.org/claims/tier` from everyone else's `tier`. */

/** `<dialect>/<name>`; an empty dialect, or one that ends in `/`, gets no further slash. */
export function joinDialect(dialect: string, name: string): string {
  return dialect === '' || dialect.endsWith('/') ? `${dialect}${name}` : `${dialect}/${name}`;
}

/** True for names that are URIs already: `http://…`, `urn:…`. They never get a dialect. */
export function isUriName(name: string): boolean {
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|urn:)/.test(name);
}
