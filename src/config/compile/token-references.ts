/** What objects of `tokenService`, and routes, name by id: that it stands in the file too, and fits. */
import { uuid } from '../../objects/values.ts';
import type { ConfigPath } from '../issue.ts';
import type { RouteConfig } from '../schema/route.ts';
import type { TokenServiceConfig } from '../schema/token-service.ts';
import type { CompileContext } from './context.ts';

type Kind = 'key' | 'tenant' | 'application' | 'lambda';

interface Reference {
  readonly kind: Kind;
  readonly path: ConfigPath;
  readonly id: string | null | undefined;
}

interface Lists {
  readonly tokenService: TokenServiceConfig;
  readonly context: CompileContext;
}

const BLOCK = 'tokenService';

const PLACES: Readonly<Record<Kind, ConfigPath>> = {
  key: [BLOCK, 'keys'],
  tenant: [BLOCK, 'tenants'],
  application: [BLOCK, 'applications'],
  lambda: [BLOCK, 'lambdas', 'items'],
};

/**
 * Refuses what cannot fit, whatever the store holds. What does not stand in the file may have been made by the API: the
 * gateway does not start where it was not, so there is a warning.
 */
export function checkReferences(tokenService: TokenServiceConfig, context: CompileContext): void {
  const lists = { tokenService, context };
  checkKeyUses(lists);
  checkLambdaUses(lists);
  checkTenantsOfApplications(lists);
  for (const reference of referencesOf(tokenService)) warnUnlessKnown(reference, lists);
  for (const [index, route] of context.config.settings.routes.entries())
    warnOfForeignApplication(route, ['routes', index, 'application', 'id'], lists);
}

function referencesOf(tokenService: TokenServiceConfig): Reference[] {
  const { applications, identityProviders, webhooks, apiKeys } = tokenService;
  return [
    ...signingKeyIds(tokenService),
    ...populateIds(tokenService),
    ...reconcileIds(tokenService),
    ...[...applications.entries()].map(([index, { tenantId }]): Reference => {
      return { kind: 'tenant', path: [BLOCK, 'applications', index, 'tenantId'], id: tenantId };
    }),
    ...[...identityProviders.entries()].flatMap(([index, provider]) =>
      namedByProvider(provider, [BLOCK, 'identityProviders', index]),
    ),
    ...[...webhooks.entries()].flatMap(([index, { tenantIds }]) =>
      idsAt('tenant', [BLOCK, 'webhooks', index, 'tenantIds'], tenantIds),
    ),
    ...[...apiKeys.entries()].map(([index, { tenantId }]): Reference => {
      return { kind: 'tenant', path: [BLOCK, 'apiKeys', index, 'tenantId'], id: tenantId };
    }),
  ];
}

/** Of keys that must sign. */
function signingKeyIds({ tenants, applications, webhooks }: TokenServiceConfig): Reference[] {
  const ofTokens = (
    list: 'tenants' | 'applications',
    entries: TokenServiceConfig['tenants' | 'applications'],
  ) =>
    entries.map(({ jwtConfiguration }, index): Reference => {
      const path = [BLOCK, list, index, 'jwtConfiguration', 'accessTokenKeyId'];
      return { kind: 'key', path, id: jwtConfiguration.accessTokenKeyId };
    });
  const ofWebhooks = webhooks.map(({ signatureConfiguration }, index): Reference => {
    const path = [BLOCK, 'webhooks', index, 'signatureConfiguration', 'signingKeyId'];
    return { kind: 'key', path, id: signatureConfiguration.signingKeyId };
  });
  return [...ofTokens('tenants', tenants), ...ofTokens('applications', applications), ...ofWebhooks];
}

function populateIds({ applications }: TokenServiceConfig): Reference[] {
  return applications.map(({ lambdaConfiguration }, index) => ({
    kind: 'lambda',
    path: [BLOCK, 'applications', index, 'lambdaConfiguration', 'accessTokenPopulateId'],
    id: lambdaConfiguration.accessTokenPopulateId,
  }));
}

function reconcileIds({ identityProviders }: TokenServiceConfig): Reference[] {
  return identityProviders.map(({ lambdaConfiguration }, index) => ({
    kind: 'lambda',
    path: [BLOCK, 'identityProviders', index, 'lambdaConfiguration', 'reconcileId'],
    id: lambdaConfiguration.reconcileId,
  }));
}

function namedByProvider(
  provider: TokenServiceConfig['identityProviders'][number],
  path: ConfigPath,
): Reference[] {
  const { defaultKeyId, verificationKeyIds, tenantId, applicationConfiguration, tenantConfiguration } =
    provider;
  return [
    { kind: 'key', path: [...path, 'defaultKeyId'], id: defaultKeyId },
    ...idsAt('key', [...path, 'verificationKeyIds'], verificationKeyIds),
    { kind: 'tenant', path: [...path, 'tenantId'], id: tenantId },
    ...membersAt('application', [...path, 'applicationConfiguration'], applicationConfiguration),
    ...membersAt('tenant', [...path, 'tenantConfiguration'], tenantConfiguration),
  ];
}

function idsAt(kind: Kind, path: ConfigPath, ids: readonly string[]): Reference[] {
  return ids.map((id, index) => ({ kind, path: [...path, index], id }));
}

function membersAt(kind: Kind, path: ConfigPath, members: Readonly<Record<string, unknown>>): Reference[] {
  return Object.keys(members).map((id) => ({ kind, path: [...path, id], id }));
}

function idsOf(kind: Kind, { tokenService: { keys, tenants, applications, lambdas } }: Lists): string[] {
  const lists = { key: keys, tenant: tenants, application: applications, lambda: lambdas.items };
  return lists[kind].map(({ id }) => id);
}

/** What could not be read may be any id. */
function isKnown({ kind, path, id }: Reference, lists: Lists): boolean {
  const { config } = lists.context;
  const ids = idsOf(kind, lists);
  return (
    typeof id !== 'string' ||
    ids.includes(id.toLowerCase()) ||
    config.isUnread(path) ||
    ids.some((_, index) => config.isUnread([...PLACES[kind], index, 'id']))
  );
}

function warnUnlessKnown(reference: Reference, lists: Lists): void {
  const { kind, path } = reference;
  if (!isKnown(reference, lists))
    lists.context.warn(
      path,
      `names no ${kind} of this file; right only where the API has made it in the store before`,
    );
}

function checkKeyUses({ tokenService, context }: Lists): void {
  for (const { id, path } of signingKeyIds(tokenService)) {
    const key = tokenService.keys.find((one) => one.id === id);
    const isPublic = key?.publicKeyFile !== undefined || key?.certificateFile !== undefined;
    if (key !== undefined && isPublic)
      context.refuse(path, `the key ${key.name} only verifies: nothing can be signed with it`);
  }
}

function checkLambdaUses({ tokenService, context }: Lists): void {
  const uses = [
    { wanted: 'JWTPopulate', references: populateIds(tokenService) },
    { wanted: 'ExternalJWTReconcile', references: reconcileIds(tokenService) },
  ];
  for (const { wanted, references } of uses) {
    for (const { id, path } of references) {
      const lambda = tokenService.lambdas.items.find((one) => one.id === id);
      if (lambda !== undefined && lambda.type !== wanted)
        context.refuse(path, `the lambda ${lambda.name} is of type ${lambda.type}, not ${wanted}`);
    }
  }
}

function checkTenantsOfApplications({ tokenService: { tenants, applications }, context }: Lists): void {
  if (tenants.length === 1) return;
  for (const [index, { tenantId }] of applications.entries()) {
    if (tenantId === undefined)
      context.refuse(
        [BLOCK, 'applications', index],
        `needs tenantId: ${tenants.length === 0 ? 'no tenant stands here' : 'several tenants stand here'}`,
      );
  }
}

/** By `authorizeApplication()`: tokens of our own open a route that names their application. */
function warnOfForeignApplication(route: RouteConfig, path: ConfigPath, lists: Lists): void {
  const { id } = route.application;
  const { realms } = lists.context.config.settings;
  const takesOwnTokens = realms.some(
    ({ name, type }) => type === 'self' && (route.realms?.includes(name) ?? true),
  );
  // Where the file has no application, the API makes them all.
  if (route.auth === 'none' || !takesOwnTokens || lists.tokenService.applications.length === 0) return;
  if (!uuid().safeParse(id).success || isKnown({ kind: 'application', path, id }, lists)) return;
  lists.context.warn(
    path,
    'names no application of this file: unless the API makes it, tokens of our own are all 403 here',
  );
}
