/** What a vended token must not say, although its claims are the caller's: nothing in the name of somebody else. */
import { type JsonObject, member } from '../core/json.ts';
import type { Key } from '../objects/key.ts';
import type { Catalog } from './catalog.ts';
import { badField } from './failure.ts';
import { signsEvents } from './objects/key-uses.ts';

export interface Vended {
  readonly key: Key;
  readonly claims: JsonObject;
  /** The only tenant of the call; null: it may speak for all. */
  readonly tenantId: string | null;
}

/** By which receivers know that an event is ours. */
const EVENT_CLAIM = 'request_body_sha256';

/** @throws ServiceError 400 for the signature of an event, and for the names of another tenant */
export function requireHonest(catalog: Catalog, { key, claims, tenantId }: Vended): void {
  if (member(claims, EVENT_CLAIM) !== undefined && signsEvents(catalog, key.id))
    throw badField(
      `claims.${EVENT_CLAIM}`,
      'invalid',
      'Webhooks would take the token for the signature of an event',
    );
  if (tenantId === null) return;
  const own = catalog.tenants.get(tenantId);
  const others = [...catalog.tenants.values()].filter(({ id }) => id !== tenantId);
  // All tenants publish their keys in one set: who trusts it tells them apart by these two.
  if (others.some(({ issuer }) => issuer !== own?.issuer && issuer === member(claims, 'iss')))
    throw badField('claims.iss', 'invalid', 'It is the issuer of another tenant');
  if (others.some(({ id }) => id === member(claims, 'tid')))
    throw badField('claims.tid', 'invalid', 'It is another tenant');
}
