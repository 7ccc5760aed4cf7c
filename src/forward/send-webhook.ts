/** POSTs an event to a webhook, with every limit set. Redirects are not followed: the body may hold tokens. */
import { Agent, request } from 'undici';
import { guardedLookup, requireAllowedHost } from './address-guard.ts';

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** Connections kept to one receiver; more events wait. */
const CONNECTIONS_MAX = 8;

export interface WebhookClient {
  /** @throws Error where no answer came, or the address is not allowed; the message holds nothing of the body */
  send(wanted: WebhookRequest): Promise<{ readonly status: number }>;
  close(): Promise<void>;
}

export function createWebhookClient(): WebhookClient {
  const dispatcher = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { lookup: guardedLookup, allowH2: false },
  });
  return {
    send: (wanted) => post(wanted, dispatcher),
    close: () => dispatcher.close(),
  };
}

async function post(
  { url, headers, body, connectTimeoutMs, readTimeoutMs }: WebhookRequest,
  dispatcher: Agent,
): Promise<{ readonly status: number }> {
  requireAllowedHost(new URL(url).hostname);
  const response = await request(url, {
    method: 'POST',
    dispatcher,
    signal: AbortSignal.timeout(connectTimeoutMs + readTimeoutMs),
    headers,
    body,
  });
  // What a receiver says beside its status is not read. The abort error of its body has no other listener.
  response.body.on('error', () => undefined).destroy();
  return { status: response.statusCode };
}
