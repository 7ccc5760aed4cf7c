/** One webhook call: its headers, its signature, its sending. */
import { createHash } from 'node:crypto';
import { numericDate } from '../../core/time.ts';
import type { Webhook } from '../../objects/webhook.ts';
import { wholeWebhook } from '../objects/webhooks.ts';
import type { TokenService } from '../service.ts';

export interface WebhookCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** Sends one call; the answer's body is not read. Implemented in forward/. @throws Error where no answer came */
export type WebhookSender = (call: WebhookCall) => Promise<{ readonly status: number }>;

/** FusionAuth's name, so that receivers written for it verify ours. */
const SIGNATURE_HEADER = 'X-FusionAuth-Signature-JWT';

export type EventService = Pick<
  TokenService,
  'store' | 'catalog' | 'clock' | 'random' | 'sealer' | 'signer' | 'log'
>;

/** Binds a sealed body to its delivery. */
export function deliveryContext(id: string): string {
  return `webhook-delivery ${id}`;
}

/** Never rejects: a webhook that cannot be told has not taken the event. */
export async function tell(
  service: EventService,
  send: WebhookSender,
  webhook: Webhook,
  body: string,
): Promise<boolean> {
  try {
    const { status } = await send(await webhookCall(service, webhook, body));
    return status >= 200 && status < 300;
  } catch (error) {
    const cause = error instanceof Error ? error.message : 'unknown';
    service.log.warn('A webhook could not be told of an event', { webhook: webhook.id, cause });
    return false;
  }
}

/** @throws Error where the password or the signing key cannot be had */
async function webhookCall(service: EventService, webhook: Webhook, body: string): Promise<WebhookCall> {
  return {
    url: webhook.url,
    headers: {
      ...lowerCased(webhook.headers ?? {}),
      ...basicAuthentication(service, webhook),
      ...(await signature(service, webhook, body)),
      'content-type': 'application/json',
    },
    body,
    connectTimeoutMs: webhook.connectTimeout,
    readTimeoutMs: webhook.readTimeout,
  };
}

/** One header has one name, however it is written: what is ours takes its place. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** RFC 7617 §2, in UTF-8. */
function basicAuthentication(service: EventService, webhook: Webhook): Record<string, string> {
  const { httpAuthenticationUsername: username, httpAuthenticationPassword: password } = wholeWebhook(
    service,
    webhook,
  );
  if (username === undefined || password === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** A JWT over the digest of the body: `request_body_sha256`, Base64. */
async function signature(
  { catalog, signer, clock }: EventService,
  { signatureConfiguration: { enabled, signingKeyId } }: Webhook,
  body: string,
): Promise<Record<string, string>> {
  if (!enabled) return {};
  const key = catalog().keys.get(signingKeyId ?? '');
  // A receiver that asks for signatures must not get a call that looks like a forged one.
  if (key === undefined) throw new Error('The signing key of the webhook is gone');
  const digest = createHash('sha256').update(body).digest('base64');
  const claims = { request_body_sha256: digest, iat: numericDate(clock()) };
  return { [SIGNATURE_HEADER]: await signer.sign(key, {}, claims) };
}
