/** Objects as the store keeps them, each with ids of its own. */
import { randomUUID } from 'node:crypto';
import type { Registration, User } from '../../src/objects/user.ts';
import type { RefreshTokenRecord } from '../../src/tokens/refresh-token.ts';
import type { IdentityProviderLink, PendingLink, Store } from '../../src/tokens/store.ts';
import type { WebhookDelivery } from '../../src/tokens/webhook-delivery.ts';

export const NOW_MS = Date.UTC(2026, 0, 1);

export function aRegistration(over: Partial<Registration> = {}): Registration {
  return {
    id: randomUUID(),
    applicationId: randomUUID(),
    roles: ['user'],
    data: {},
    verified: true,
    insertInstant: NOW_MS,
    lastUpdateInstant: NOW_MS,
    lastLoginInstant: null,
    ...over,
  };
}

export function aUser(over: Partial<User> = {}): User {
  const id = randomUUID();
  return {
    id,
    tenantId: randomUUID(),
    email: `${id}@example.com`,
    active: true,
    data: { attributes: { 'favourite colour': 'blue' } },
    verified: true,
    verifiedInstant: NOW_MS,
    insertInstant: NOW_MS,
    lastUpdateInstant: NOW_MS,
    lastLoginInstant: null,
    passwordHash: null,
    registrations: [],
    ...over,
  };
}

export function aRefreshToken(over: Partial<RefreshTokenRecord> = {}): RefreshTokenRecord {
  return {
    id: randomUUID(),
    tenantId: randomUUID(),
    userId: randomUUID(),
    applicationId: randomUUID(),
    lookup: randomUUID(),
    sealedValue: `v1.${randomUUID()}`,
    sequence: 0,
    startInstant: NOW_MS,
    insertInstant: NOW_MS,
    accessExpiresInstant: NOW_MS + 3_600_000,
    authTimeSeconds: NOW_MS / 1000,
    authenticationType: 'PASSWORD',
    metaData: { device: { name: 'phone', type: 'FRIDGE' }, scopes: ['offline_access'] },
    ...over,
  };
}

/** A refresh token that is in the store, with a user to own it. */
export async function storedRefreshToken(
  store: Store,
  over: Partial<RefreshTokenRecord> = {},
): Promise<RefreshTokenRecord> {
  const user = aUser(over.userId === undefined ? {} : { id: over.userId });
  if ((await store.users.get(user.id)) === null) await store.users.insert(user);
  const token = aRefreshToken({ userId: user.id, ...over });
  await store.refreshTokens.insert(token);
  return token;
}

/** What rotation puts in the place of the present value. */
export function aSuccessor(over: Partial<RefreshTokenRecord> = {}) {
  const { lookup, sealedValue, startInstant, accessExpiresInstant, metaData } = aRefreshToken(over);
  return { lookup, sealedValue, startInstant, accessExpiresInstant, metaData };
}

export function aLink(over: Partial<IdentityProviderLink> = {}): IdentityProviderLink {
  return {
    identityProviderId: randomUUID(),
    identityProviderUserId: randomUUID(),
    tenantId: randomUUID(),
    userId: randomUUID(),
    displayName: 'Peter',
    insertInstant: NOW_MS,
    lastLoginInstant: null,
    ...over,
  };
}

export function aPendingLink(over: Partial<PendingLink> = {}): PendingLink {
  return {
    lookup: randomUUID(),
    identityProviderId: randomUUID(),
    identityProviderUserId: randomUUID(),
    tenantId: randomUUID(),
    displayName: null,
    email: 'peter@example.com',
    username: null,
    expiresInstant: NOW_MS + 60_000,
    ...over,
  };
}

export function aDelivery(over: Partial<WebhookDelivery> = {}): WebhookDelivery {
  return {
    id: randomUUID(),
    webhookId: randomUUID(),
    eventId: randomUUID(),
    sealedBody: 'v1.body',
    insertInstant: NOW_MS,
    ...over,
  };
}
