/**
 * What the author of a claims retriever writes: an ECMAScript module, named by `assertion.userClaims.retriever`, that
 * knows the attributes of users. See docs/claims-retrievers.md.
 *
 * @example
 * ```ts
 * import type { RetrieverContext, UserAttributes } from './retriever.ts';
 *
 * export async function getClaims(endUser: string, { signal }: RetrieverContext): Promise<UserAttributes> {
 *   const answer = await fetch(`http://directory.internal/users/${encodeURIComponent(endUser)}`, { signal });
 *   const { email, department } = await answer.json();
 *   return new Map([['department', department], ['email', email]]);
 * }
 * ```
 */
import type { Json, JsonObject } from '../core/json.ts';

/**
 * Names and values of one user's attributes. A Map is written in its own order; an object in the natural order of its
 * names. Names that are URIs stay as they are, others get the dialect. Values are JSON; `undefined` is not.
 */
export type UserAttributes = ReadonlyMap<string, Json> | JsonObject;

/**
 * What a retriever is told besides the user. The answer is remembered for every token of this user in this realm, so
 * there is nothing here that could differ from one token to the next.
 */
export interface RetrieverContext {
  /** Name of the realm that knows the user: the same subject elsewhere is somebody else. */
  readonly realm: string;
  /** Aborts when the time is up; the answer is not waited for then. */
  readonly signal: AbortSignal;
}

/** The exports of the module, or the members of its default export. After WSO2's ClaimsRetriever. */
export interface RetrieverModule {
  /** Called once, before the first `getClaims`, and again only if it failed. */
  init?(): void | Promise<void>;
  /** `endUser`: the subject of the caller, by `claims.subject` of the realm. A rejection is a 503 to the caller. */
  getClaims(endUser: string, context: RetrieverContext): UserAttributes | Promise<UserAttributes>;
  /** Prefix of names that are no URI, and of the default claims too; without it `assertion.dialect`. */
  getDialectURI?(endUser: string): string;
}
