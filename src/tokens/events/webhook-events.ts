/**
 * Events on their way to webhooks. Most are written with the change they tell of and sent afterwards, again and again
 * until they are taken. Those of a transaction are sent first: the change counts only when enough webhooks took it.
 */
import type { EventType, Webhook } from '../../objects/webhook.ts';
import { ServiceError } from '../failure.ts';
import type { Events, PreparedEvent, ServiceEvent } from '../ports.ts';
import type { Records } from '../store.ts';
import { deliveryContext, type EventService, tell, type WebhookSender } from './call.ts';
import { quorum, strictest } from './quorum.ts';

export interface WebhookEventsOptions {
  readonly service: EventService;
  readonly send: WebhookSender;
  /** Something was written that wants sending; called before the commit. */
  readonly onRecorded: () => void;
}

export function createWebhookEvents({ service, send, onRecorded }: WebhookEventsOptions): Events {
  return {
    async prepare(event) {
      const webhooks = receivers(service, event.type, event.tenantId);
      if (webhooks.length === 0) return NOTHING_LEFT;
      const envelope = envelopeOf(service, event);
      const missed = await askFirst(service, send, webhooks, event, envelope.body);
      return missed.length === 0 ? NOTHING_LEFT : recording(service, missed, envelope, onRecorded);
    },
  };
}

const NOTHING_LEFT: PreparedEvent = { record: async () => {}, isNothing: true };

interface Envelope {
  readonly eventId: string;
  /** JSON, as it is sent. */
  readonly body: string;
}

function envelopeOf({ clock, random }: EventService, { type, tenantId, body }: ServiceEvent): Envelope {
  const eventId = random.uuid();
  const event = { ...body, type, id: eventId, createInstant: clock(), tenantId };
  return { eventId, body: JSON.stringify({ event }) };
}

function receivers({ catalog }: EventService, type: EventType, tenantId: string): readonly Webhook[] {
  const { tenants, webhooks } = catalog();
  if (tenants.get(tenantId)?.eventConfiguration.events[type]?.enabled === false) return [];
  return [...webhooks.values()].filter(
    ({ eventsEnabled, global, tenantIds }) =>
      eventsEnabled[type] === true && (global || tenantIds.includes(tenantId)),
  );
}

/** The webhooks that still have to be told. @throws ServiceError 504 */
async function askFirst(
  service: EventService,
  send: WebhookSender,
  webhooks: readonly Webhook[],
  { type, tenantId }: ServiceEvent,
  body: string,
): Promise<readonly Webhook[]> {
  const ofTenant = service.catalog().tenants.get(tenantId)?.eventConfiguration.events[type]?.transactionType;
  const transaction = strictest([
    ofTenant ?? 'None',
    ...webhooks.map(({ transactionType }) => transactionType),
  ]);
  if (transaction === 'None') return webhooks;
  const isTaken = await Promise.all(webhooks.map((webhook) => tell(service, send, webhook, body)));
  const missed = webhooks.filter((_, index) => isTaken[index] !== true);
  if (webhooks.length - missed.length < quorum(transaction, webhooks.length))
    throw new ServiceError(504, `Too few webhooks took ${type}: ${transaction} was asked for`);
  return missed;
}

function recording(
  { clock, random, sealer }: EventService,
  webhooks: readonly Webhook[],
  { eventId, body }: Envelope,
  onRecorded: () => void,
): PreparedEvent {
  return {
    async record({ webhookDeliveries }: Records) {
      for (const { id: webhookId } of webhooks) {
        const id = random.uuid();
        await webhookDeliveries.insert({
          id,
          webhookId,
          eventId,
          sealedBody: sealer.seal(body, deliveryContext(id)),
          insertInstant: clock(),
        });
      }
      onRecorded();
    },
  };
}
