/** Use cases: the event log, where people who run the service read what identity providers and lambdas did. */

import type { EventLog, EventLogSearch, EventLogType } from './event-log-table.ts';
import { notFound } from './failure.ts';
import type { TokenService } from './service.ts';
import { type Records, StoreUnavailableError } from './store.ts';

/** An entry before it is written. `message` never holds a token, a key or a secret. */
export interface EventLogEntry {
  readonly type: EventLogType;
  readonly message: string;
}

/** The claims of a token of 16 KiB, told with some words. */
const MESSAGE_MAX_CHARS = 20 * 1024;
/** Anybody who can call the service can make it write; older entries go. */
const KEPT_MAX = 10_000;
/** Looking for older entries at each write would cost as much as the write. */
const TRIM_EVERY = 100;
/** Entries of one answer. */
const RESULTS_MAX = 500;

/** Within a transaction. */
export async function recordEventLogs(
  records: Records,
  entries: readonly EventLogEntry[],
  insertInstant: number,
): Promise<void> {
  for (const { type, message } of entries) {
    const id = await records.eventLogs.insert({
      type,
      message: message.slice(0, MESSAGE_MAX_CHARS),
      insertInstant,
    });
    if (id % TRIM_EVERY === 0) await records.eventLogs.trim(KEPT_MAX);
  }
}

/** Beside what it tells of: where the store cannot take it, the operator's log says so and the caller goes on. */
export async function writeEventLogs(
  { store, clock, log }: Pick<TokenService, 'store' | 'clock' | 'log'>,
  entries: readonly EventLogEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  try {
    await store.transaction((records) => recordEventLogs(records, entries, clock()));
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    log.error('Event logs could not be written', { entries: entries.length });
  }
}

/** @throws ServiceError 404 */
export async function readEventLog({ store }: TokenService, id: number): Promise<EventLog> {
  const found = await store.eventLogs.get(id);
  if (found === null) throw notFound('eventLog');
  return found;
}

/** Newest first; at most 500 of them, however many are asked for. */
export async function searchEventLogs(
  { store }: TokenService,
  search: EventLogSearch,
): Promise<{ readonly total: number; readonly eventLogs: readonly EventLog[] }> {
  const numberOfResults = Math.min(search.numberOfResults, RESULTS_MAX);
  return await store.eventLogs.search({ ...search, numberOfResults });
}
