/** What a linking strategy makes of an identity that no link names yet. Decides only; the store is asked elsewhere. */
import type { LinkingStrategy } from '../objects/identity-provider.ts';
import type { User } from '../objects/user.ts';
import { badRequest, notFound, unauthorized } from '../tokens/failure.ts';
import type { ExternalIdentity } from './external-identity.ts';

/** How the strategy finds a user, and whether it makes one where it finds none. */
interface Strategy {
  readonly by: 'email' | 'username' | null;
  readonly creates: boolean;
}

const STRATEGIES: Readonly<Record<LinkingStrategy, Strategy>> = {
  LinkByEmail: { by: 'email', creates: true },
  LinkByEmailForExistingUser: { by: 'email', creates: false },
  LinkByUsername: { by: 'username', creates: true },
  LinkByUsernameForExistingUser: { by: 'username', creates: false },
  LinkAnonymously: { by: null, creates: true },
  CreatePendingLink: { by: null, creates: false },
  Disabled: { by: null, creates: false },
};

/** By what a user is to be looked for. */
export type LoginId = { readonly email: string } | { readonly username: string };

/**
 * Null: the strategy looks for nobody.
 *
 * @throws ServiceError 401 where the token lacks it; 400 for an e-mail address that the provider says is not verified
 */
export function loginIdOf(strategy: LinkingStrategy, identity: ExternalIdentity): LoginId | null {
  switch (STRATEGIES[strategy].by) {
    case 'email':
      return { email: verifiedEmail(identity) };
    case 'username':
      if (identity.username === null) throw unauthorized('[ExternalAuthenticationException]MissingUsername');
      return { username: identity.username };
    case null:
      return null;
  }
}

function verifiedEmail({ email, isEmailVerified }: ExternalIdentity): string {
  if (email === null) throw unauthorized('[ExternalAuthenticationException]MissingEmail');
  if (isEmailVerified === false)
    throw badRequest(
      '[ExternalAuthenticationException]UnverifiedEmail',
      'The identity provider has not verified the e-mail address',
    );
  return email;
}

export type LinkDecision =
  | { readonly kind: 'link'; readonly user: User }
  /** With that login id, or with none. */
  | { readonly kind: 'create'; readonly loginId: LoginId | null }
  | { readonly kind: 'pend' };

/**
 * @param found who has the login id, in the tenant of the application
 * @throws ServiceError 404 where nobody is found and nobody is made
 */
export function decideLink(
  strategy: LinkingStrategy,
  loginId: LoginId | null,
  found: User | null,
): LinkDecision {
  if (strategy === 'CreatePendingLink') return { kind: 'pend' };
  if (found !== null) return { kind: 'link', user: found };
  if (STRATEGIES[strategy].creates) return { kind: 'create', loginId };
  throw notFound('user for this identity');
}
