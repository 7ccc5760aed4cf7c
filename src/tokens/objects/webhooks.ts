/** Use cases: webhooks. */
import { createHash, timingSafeEqual } from 'node:crypto';
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
export function checkWebhook(catalog: Catalog, webhook: WebhookBody): void {
  const { signatureConfiguration, tenantIds } = webhook;
  const field = 'webhook.signatureConfiguration.signingKeyId';
  const { enabled, signingKeyId } = signatureConfiguration;
  if (enabled && (signingKeyId === null || signingKeyId === undefined))
    throw badField(field, 'blank', 'Signatures need a key');
  requireSigningKey(catalog, signingKeyId, field);
  if (webhook.global && tenantIds.length > 0)
    throw badField('webhook.tenantIds', 'invalid', 'With global it gets the events of all tenants');
  if (!tenantIds.every((id) => catalog.tenants.has(id)))
    throw badField('webhook.tenantIds', 'invalid', 'One of them is no tenant');
  checkAuthentication(webhook);
}

/** Half of a pair would be sent by nobody. */
function checkAuthentication({
  httpAuthenticationUsername: username,
  httpAuthenticationPassword: password,
  headers = {},
}: WebhookBody): void {
  if (username === undefined && password === undefined) return;
  if (username === undefined)
    throw badField('webhook.httpAuthenticationUsername', 'blank', 'A password needs a username');
  if (password === undefined)
    throw badField('webhook.httpAuthenticationPassword', 'blank', 'A username needs a password');
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    throw badField('webhook.headers', 'invalid', 'Basic authentication is the header Authorization already');
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

/**
 * @param options `keepsHidden`: what answers hide, the maker of the body may not know: where the body has none, headers
 *   and password stay as they are, the latter with a username only
 * @throws ServiceError 400, 404
 */
export async function replaceWebhook(
  service: TokenService,
  id: string,
  body: WebhookBody,
  scope: Scope,
  { keepsHidden = true }: { readonly keepsHidden?: boolean } = {},
): Promise<Webhook> {
  const old = readObject(service, 'webhooks', id, scope);
  const whole = wholeWebhook(service, old);
  const next = keepsHidden ? withHidden(body, whole) : body;
  const isSame = isSameText(next.httpAuthenticationPassword, whole.httpAuthenticationPassword);
  const { httpAuthenticationPassword } = isSame ? old : sealed(service, id, next);
  const webhook = { ...next, httpAuthenticationPassword, ...nextStamps(service, old) };
  return await updateObject(service, 'webhooks', webhook, [], {
    before: (_, catalog) => checkWebhook(catalog, next),
  });
}

/** Takes as long for any text: a caller may try passwords. */
function isSameText(one = '', other = ''): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}

function withHidden(body: WebhookBody, old: Webhook): WebhookBody {
  const { headers = old.headers, httpAuthenticationUsername: username } = body;
  const kept = username === undefined ? undefined : old.httpAuthenticationPassword;
  return { ...body, headers, httpAuthenticationPassword: body.httpAuthenticationPassword ?? kept };
}

/** With its password as it was sent. @throws Error where it does not open */
export function wholeWebhook({ sealer }: Pick<TokenService, 'sealer'>, webhook: Webhook): Webhook {
  const { id, httpAuthenticationPassword: text } = webhook;
  if (text === undefined) return webhook;
  return { ...webhook, httpAuthenticationPassword: sealer.open(text, webhookPasswordContext(id)) };
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
