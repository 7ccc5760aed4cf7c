/** Stored objects as the API shows them: no password, no hash, no private key, and no member that has no value. */
import type { ApiKey } from '../../objects/api-key.ts';
import type { Key } from '../../objects/key.ts';
import type { Registration, User } from '../../objects/user.ts';
import type { Webhook } from '../../objects/webhook.ts';

/** FusionAuth leaves out what is null. Members of `data` and the like stay as the caller wrote them. */
export function withoutNulls(object: object): Record<string, unknown> {
  const present: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object))
    if (value !== null && value !== undefined) present[name] = value;
  return present;
}

/** Without moderation, memberships and second factors the members that stand for them never change. */
const UNMODERATED = { usernameStatus: 'ACTIVE' };

export function renderUser({ passwordHash: _, registrations, ...members }: User): Record<string, unknown> {
  return withoutNulls({
    ...members,
    ...UNMODERATED,
    memberships: [],
    passwordChangeRequired: false,
    preferredLanguages: [],
    registrations: registrations.map(renderRegistration),
    twoFactor: { methods: [] },
  });
}

export function renderRegistration(registration: Registration): Record<string, unknown> {
  return withoutNulls({ ...registration, ...UNMODERATED, preferredLanguages: [] });
}

export function renderKey({ sealedPrivateKey: _, signedFor: __, ...members }: Key): Record<string, unknown> {
  return withoutNulls(members);
}

export function renderApiKey({ keyHash: _, ...members }: ApiKey): Record<string, unknown> {
  return withoutNulls(members);
}

/** Headers carry credentials, and nobody can tell which. */
export function renderWebhook({
  headers: _,
  httpAuthenticationPassword: __,
  ...members
}: Webhook): Record<string, unknown> {
  return withoutNulls(members);
}
