/** Which provider a foreign token is of, where the caller does not say: the one whose issuer it names. */
import { member } from '../core/json.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { TokenRejectedError } from '../tokens/ports.ts';
import type { ForeignTokens } from './ports.ts';

/**
 * Nothing is verified yet: reconcile does that with the provider found. Null where none, or several, serve the
 * application under this issuer.
 */
export function issuingProvider(
  { identityProviders }: Pick<Catalog, 'identityProviders'>,
  tokens: ForeignTokens,
  token: string,
  applicationId: string,
): IdentityProvider | null {
  const issuer = issuerOf(tokens, token);
  if (issuer === null) return null;
  const [provider, other] = [...identityProviders.values()].filter(
    (one) =>
      one.enabled && one.issuer === issuer && one.applicationConfiguration[applicationId]?.enabled === true,
  );
  return other === undefined ? (provider ?? null) : null;
}

function issuerOf(tokens: ForeignTokens, token: string): string | null {
  try {
    const issuer = member(tokens.read(token).claims, 'iss');
    return typeof issuer === 'string' ? issuer : null;
  } catch (error) {
    if (error instanceof TokenRejectedError) return null;
    throw error;
  }
}
