/** The retrievers `store` and `token+store`: what the token service's store knows of the caller. */
import type { ClaimsRetriever, UserClaims } from '../core/assertion.ts';
import { CountersignError } from '../core/errors.ts';
import { type Json, member } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import type { Realm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import { ClaimsCache } from './cache.ts';

export interface StoredSubject {
  readonly subject: string;
  /** True: the token is one of our own, and names the user by id. */
  readonly isUserId: boolean;
  /** Of the token; null where it has none. */
  readonly applicationId: string | null;
}

/** Attributes by bare name; null: nobody is known by that name. Rejects where the store does not answer. */
export type AttributeLookup = (subject: StoredSubject) => Promise<ReadonlyMap<string, Json> | null>;

export interface StoreRetrieverOptions {
  readonly lookup: AttributeLookup;
  readonly cache: { readonly ttlMs: number; readonly max: number };
  readonly clock: Clock;
}

/** A caller whom the store does not know has no claims from it. */
export function storeRetriever({ lookup, cache, clock }: StoreRetrieverOptions): ClaimsRetriever {
  const known = new ClaimsCache<UserClaims>({ ...cache, clock });
  return {
    name: 'store',
    retrieve(principal, realm) {
      const wanted = subjectOf(principal, realm);
      return known.get(JSON.stringify(wanted), async () => await ask(lookup, wanted));
    },
  };
}

function subjectOf({ subject, claims }: Principal, { isSelf }: Realm): StoredSubject {
  const applicationId = isSelf ? member(claims, 'applicationId') : null;
  return {
    subject,
    isUserId: isSelf,
    applicationId: typeof applicationId === 'string' ? applicationId : null,
  };
}

async function ask(lookup: AttributeLookup, wanted: StoredSubject): Promise<UserClaims> {
  try {
    const claims = (await lookup(wanted)) ?? new Map<string, Json>();
    return { dialect: null, claims, order: 'natural' };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new CountersignError('claims_unavailable', `the store did not give the claims: ${reason}`, {
      cause,
    });
  }
}

/** Both together. Where both have a name, the store's value counts: it is kept here, the token's only passed on. */
export function withStore(token: ClaimsRetriever, store: ClaimsRetriever): ClaimsRetriever {
  return {
    name: 'token+store',
    async retrieve(principal, realm) {
      const [ofToken, ofStore] = await Promise.all([
        token.retrieve(principal, realm),
        store.retrieve(principal, realm),
      ]);
      return { ...ofToken, claims: new Map([...ofToken.claims, ...ofStore.claims]) };
    },
  };
}
