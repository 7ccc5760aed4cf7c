/** Use case: which identity provider manages the domain of an e-mail address. Anybody may ask, before any login. */
import type { IdentityProvider } from '../objects/identity-provider.ts';
import { badField, notFound } from './failure.ts';
import { perCatalog } from './per-catalog.ts';
import type { TokenService } from './service.ts';

export interface LookupInput {
  /** A domain, or an e-mail address. */
  readonly domain: string | undefined;
  /** Where given, providers of this tenant go before those that serve every tenant. */
  readonly tenantId?: string | undefined;
}

/** What everybody may know of a provider: nothing that verifies, links or is secret. */
export interface ProviderLookup {
  /** Those that it is enabled for. */
  readonly applicationIds: readonly string[];
  readonly id: string;
  readonly name: string;
  readonly type: IdentityProvider['type'];
  readonly tenantId?: string;
  readonly oauth2: { readonly authorization_endpoint?: string; readonly token_endpoint?: string };
}

/** @throws ServiceError 400 without a domain, 404 for one that nobody manages */
export function lookUpProvider(
  service: Pick<TokenService, 'catalog'>,
  { domain = '', tenantId }: LookupInput,
): ProviderLookup {
  if (domain === '') throw badField('domain', 'blank', 'A domain or an e-mail address is needed');
  const name = domain.slice(domain.lastIndexOf('@') + 1).toLowerCase();
  const providers = providersByDomain(service.catalog()).get(name) ?? [];
  const provider = preferred(providers, tenantId ?? null);
  if (provider === null) throw notFound('identityProvider for the domain');
  return shown(provider);
}

const providersByDomain = perCatalog((catalog) => {
  const byDomain = new Map<string, IdentityProvider[]>();
  for (const provider of catalog.identityProviders.values()) {
    const domains = provider.enabled ? provider.domains : [];
    for (const domain of domains) byDomain.set(domain, [...(byDomain.get(domain) ?? []), provider]);
  }
  return byDomain;
});

/** Without a tenant: the one that serves all, else the only one there is. */
function preferred(providers: readonly IdentityProvider[], tenantId: string | null): IdentityProvider | null {
  const own = providers.find((one) => tenantId !== null && one.tenantId === tenantId);
  const common = providers.find((one) => (one.tenantId ?? null) === null);
  const [only] = tenantId === null && providers.length === 1 ? providers : [];
  return own ?? common ?? only ?? null;
}

function shown({
  id,
  name,
  type,
  tenantId,
  oauth2,
  applicationConfiguration,
}: IdentityProvider): ProviderLookup {
  const { authorization_endpoint, token_endpoint } = oauth2;
  const applicationIds = Object.entries(applicationConfiguration)
    .filter(([, { enabled }]) => enabled)
    .map(([applicationId]) => applicationId);
  return {
    applicationIds,
    id,
    name,
    type,
    ...(typeof tenantId === 'string' ? { tenantId } : {}),
    oauth2: {
      ...(typeof authorization_endpoint === 'string' ? { authorization_endpoint } : {}),
      ...(typeof token_endpoint === 'string' ? { token_endpoint } : {}),
    },
  };
}
