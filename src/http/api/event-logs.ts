/** Operations on the event log: what identity providers and lambdas said. */
import { z } from 'zod';
import { instant } from '../../objects/values.ts';
import { readEventLog, searchEventLogs } from '../../tokens/event-log.ts';
import { EVENT_LOG_TYPES } from '../../tokens/event-log-table.ts';
import { json } from './answer.ts';
import { operation } from './operation.ts';

/** A page, where the caller does not say. */
const RESULTS_DEFAULT = 25;

/** Each entry is looked through for the text: the time grows with the product of both lengths. */
const MESSAGE_MAX_CHARS = 128;

const eventLog = z
  .object({
    id: z.int(),
    insertInstant: instant(),
    type: z.enum(EVENT_LOG_TYPES),
    message: z.string(),
  })
  .meta({ id: 'EventLog' });

const search = z.object({
  message: z
    .string()
    .min(1, { error: 'is empty' })
    .max(MESSAGE_MAX_CHARS, { error: `is longer than ${MESSAGE_MAX_CHARS} characters` })
    .exactOptional()
    .meta({ description: 'Part of the message; `*` stands for anything.' }),
  type: z.enum(EVENT_LOG_TYPES).exactOptional(),
  start: instant().exactOptional(),
  end: instant().exactOptional(),
  startRow: z.int().nonnegative().default(0),
  numberOfResults: z.int().min(1).default(RESULTS_DEFAULT),
});

export const EVENT_LOG_OPERATIONS = [
  operation({
    method: 'POST',
    path: '/api/system/event-log/search',
    operationId: 'searchEventLogs',
    summary: 'Shows entries, newest first.',
    tag: 'EventLog',
    auth: 'apiKey',
    needsAllTenants: true,
    request: { body: z.object({ search: search.prefault({}) }) },
    answers: {
      200: {
        description: 'A page of entries, and how many there are.',
        schema: z.object({ eventLogs: z.array(eventLog), total: z.int() }),
      },
    },
    handle: async ({ service }, { body }) => json(200, await searchEventLogs(service, body.search)),
  }),
  operation({
    method: 'GET',
    path: '/api/system/event-log/{id}',
    operationId: 'retrieveEventLog',
    summary: 'Shows one entry.',
    tag: 'EventLog',
    auth: 'apiKey',
    needsAllTenants: true,
    request: { params: z.object({ id: z.coerce.number().int().nonnegative() }) },
    answers: { 200: { description: 'The entry.', schema: z.object({ eventLog }) } },
    handle: async ({ service }, { params }) =>
      json(200, { eventLog: await readEventLog(service, params.id) }),
  }),
];
