/** Roles that a route requires and none of its realms can give: probably misspelt, and everybody would be refused. */
import type { ConfigPath } from '../issue.ts';
import type { RealmConfig } from '../schema/realm.ts';
import type { RouteConfig } from '../schema/route.ts';
import { didYouMean } from '../suggest.ts';
import type { CompileContext } from './context.ts';

/** Silent where a realm of type self is among them: its tokens bring roles of applications that the API may have made. */
export function warnOfUnknownRoles(context: CompileContext): void {
  const { realms, routes } = context.config.settings;
  for (const [index, route] of routes.entries()) {
    const taken = realms.filter(({ name }) => route.realms?.includes(name) ?? true);
    if (route.auth === 'none' || taken.length === 0 || taken.some(({ type }) => type === 'self')) continue;
    const known = new Set(taken.flatMap(rolesOf));
    for (const { role, path } of requiredRoles(route, ['routes', index, 'require', 'roles']))
      if (!known.has(role))
        context.warn(path, `no realm of this route gives the role "${role}"${didYouMean(role, known)}`);
  }
}

function rolesOf({ roles }: RealmConfig): readonly string[] {
  return [...roles.default, ...Object.values(roles.mapping).flat()];
}

function requiredRoles(
  { require: { roles } }: RouteConfig,
  path: ConfigPath,
): { readonly role: string; readonly path: ConfigPath }[] {
  const placed = (list: 'any' | 'all') =>
    roles[list].map((role, index) => ({ role, path: [...path, list, index] }));
  return [...placed('any'), ...placed('all')];
}
