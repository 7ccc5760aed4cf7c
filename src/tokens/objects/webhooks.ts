/** Use cases: webhooks. */

import type { Body } from '../../objects/values.ts';
import type { Webhook } from '../../objects/webhook.ts';
import type { Catalog } from '../catalog.ts';
import { badField } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readObject,
  updateObject,
} from './catalog-object.ts';
import { requireSigningKey } from './references.ts';

type WebhookBody = Body<Webhook>;

/** Binds a sealed password to the place it stands in. */
export function webhookPasswordContext(id: string): string {
  return `webhook.httpAuthenticationPassword ${id}`;
}

/** @throws ServiceError 400 */
export function checkWebhook(catalog: Catalog, { signatureConfiguration, tenantIds }: WebhookBody): void {
  const field = 'webhook.signatureConfiguration.signingKeyId';
  const { enabled, signingKeyId } = signatureConfiguration;
  if (enabled && (signingKeyId === null || signingKeyId === undefined))
    throw badField(field, 'blank', 'Signatures need a key');
  requireSigningKey(catalog, signingKeyId, field);
  if (!tenantIds.every((id) => catalog.tenants.has(id)))
    throw badField('webhook.tenantIds', 'invalid', 'One of them is no tenant');
}

/** @throws ServiceError 400 */
export async function createWebhook(
  service: TokenService,
  id: string | undefined,
  body: WebhookBody,
): Promise<Webhook> {
  const stamps = newStamps(service, id);
  const webhook = { ...sealed(service, stamps.id, body), ...stamps };
  return await insertObject(service, 'webhooks', webhook, [], {
    before: (_, catalog) => checkWebhook(catalog, body),
  });
}

/** Without a password in the body, the old one stays. @throws ServiceError 400, 404 */
export async function replaceWebhook(
  service: TokenService,
  id: string,
  body: WebhookBody,
  scope: Scope,
): Promise<Webhook> {
  const old = readObject(service, 'webhooks', id, scope);
  const kept = { httpAuthenticationPassword: old.httpAuthenticationPassword };
  const next =
    body.httpAuthenticationPassword === undefined ? { ...body, ...kept } : sealed(service, id, body);
  return await updateObject(service, 'webhooks', { ...next, ...nextStamps(service, old) }, [], {
    before: (_, catalog) => checkWebhook(catalog, body),
  });
}

/** With what waits for it. @throws ServiceError 400, 404 */
export async function deleteWebhook(service: TokenService, id: string, scope: Scope): Promise<void> {
  const webhook = readObject(service, 'webhooks', id, scope);
  await deleteObject(service, 'webhooks', webhook, ({ webhookDeliveries }) => webhookDeliveries.deleteOf(id));
}

/** The password is kept unreadable; answers leave it out. */
export function sealed(service: Pick<TokenService, 'sealer'>, id: string, body: WebhookBody): WebhookBody {
  const { httpAuthenticationPassword: password } = body;
  if (password === undefined) return body;
  return { ...body, httpAuthenticationPassword: service.sealer.seal(password, webhookPasswordContext(id)) };
}
