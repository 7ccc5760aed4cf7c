/** How many webhooks must take an event before the change it tells of counts. */
import { TRANSACTION_TYPES, type TransactionType } from '../../objects/webhook.ts';

/** The strictest of them; `None` where there are none. */
export function strictest(types: readonly TransactionType[]): TransactionType {
  const ranks = types.map((type) => TRANSACTION_TYPES.indexOf(type));
  return TRANSACTION_TYPES[Math.max(0, ...ranks)] ?? 'AbsoluteMajority';
}

/** Successes that are enough, of so many webhooks. */
export function quorum(type: TransactionType, webhookCount: number): number {
  switch (type) {
    case 'None':
      return 0;
    case 'Any':
      return Math.min(1, webhookCount);
    case 'SimpleMajority':
      return Math.ceil(webhookCount / 2);
    case 'SuperMajority':
      return Math.ceil((webhookCount * 2) / 3);
    case 'AbsoluteMajority':
      return webhookCount;
  }
}
