/** Routes on which two issuers may mean two callers by one subject: the assertion, or the store, would take them for one. */
import type { Route } from '../../core/route.ts';
import type { CompileContext } from './context.ts';

/** Of `ClaimsRetriever.name`: they look for users by the subject of a foreign token. */
const STORE_RETRIEVERS: ReadonlySet<string> = new Set(['store', 'token+store']);

export function warnAmbiguousSubjects(routes: readonly Route[], context: CompileContext): void {
  const unnamed = routes.filter(({ assertion }) => assertion?.includeRealm === false);
  warnWhereIssuersMeet(
    unnamed,
    issuersOf,
    context,
    (issuers, where) =>
      `realms of several issuers (${issuers}) meet on ${where}: the same sub may be two callers. includeRealm: true tells backends which`,
  );
  const stored = routes.filter(({ assertion }) =>
    STORE_RETRIEVERS.has(assertion?.userClaims.retriever?.name ?? ''),
  );
  warnWhereIssuersMeet(
    stored,
    foreignIssuersOf,
    context,
    (issuers, where) =>
      `users of the store are found by the sub of several issuers (${issuers}) on ${where}: each may name the users of the others`,
  );
}

/** One warning for all such routes: there may be thousands. */
function warnWhereIssuersMeet(
  routes: readonly Route[],
  issuersAt: (route: Route) => ReadonlySet<string>,
  context: CompileContext,
  message: (issuers: string, where: string) => string,
): void {
  const meeting = routes.filter((route) => issuersAt(route).size > 1);
  const [first] = meeting;
  if (first === undefined) return;
  const others = meeting.length === 1 ? '' : ` and ${meeting.length - 1} more`;
  context.warn(['assertion'], message([...issuersAt(first)].join(', '), `route "${first.name}"${others}`));
}

function issuersOf({ realms }: Route): ReadonlySet<string> {
  return new Set(realms.map(({ issuer }) => issuer));
}

/** Our own tokens name users by id. */
function foreignIssuersOf({ realms }: Route): ReadonlySet<string> {
  return new Set(realms.filter(({ isSelf }) => !isSelf).map(({ issuer }) => issuer));
}
