/** The event log: numbered entries, searched by text, type and time. */
import {
  EVENT_LOG_TYPES,
  type EventLog,
  type EventLogSearch,
  type EventLogTable,
} from '../../tokens/event-log-table.ts';
import type { Queries, Row, Value } from '../driver.ts';
import { integer, text } from '../row.ts';

const SELECT = 'SELECT id, insert_instant, type, message FROM event_logs';

function entryOf(row: Row): EventLog {
  return {
    id: integer(row, 'id'),
    insertInstant: integer(row, 'insert_instant'),
    type: EVENT_LOG_TYPES.find((type) => type === row['type']) ?? 'Information',
    message: text(row, 'message'),
  };
}

/** What is searched: without case, and without what no database keeps. */
function searchKey(message: string): string {
  return message.toLowerCase().toWellFormed().replaceAll('\0', '\uFFFD');
}

/** Part of the message in lower case; `*` stands for anything, and what LIKE takes for signs stands for itself. */
function likePattern(message: string): string {
  return `%${searchKey(message)
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')}%`;
}

function conditionOf(search: EventLogSearch): { readonly where: string; readonly values: readonly Value[] } {
  const conditions: string[] = [];
  const values: Value[] = [];
  const add = (condition: (parameter: string) => string, value: Value | undefined) => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  const { message, type, start, end } = search;
  add((parameter) => `message_key LIKE ${parameter} ESCAPE '\\'`, message && likePattern(message));
  add((parameter) => `type = ${parameter}`, type);
  add((parameter) => `insert_instant >= ${parameter}`, start);
  add((parameter) => `insert_instant <= ${parameter}`, end);
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

async function search(queries: Queries, asked: EventLogSearch) {
  const { where, values } = conditionOf(asked);
  const counted = await queries.query(`SELECT COUNT(*) AS total FROM event_logs ${where}`, values);
  const page = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
  const { rows } = await queries.query(`${SELECT} ${where} ORDER BY id DESC ${page}`, [
    ...values,
    asked.numberOfResults,
    asked.startRow,
  ]);
  const [first] = counted.rows;
  return { total: first === undefined ? 0 : integer(first, 'total'), eventLogs: rows.map(entryOf) };
}

export function eventLogTable(queries: Queries): EventLogTable {
  return {
    async insert({ insertInstant, type, message }) {
      const { rows } = await queries.query(
        'INSERT INTO event_logs (insert_instant, type, message, message_key) VALUES ($1, $2, $3, $4) RETURNING id',
        [insertInstant, type, message, searchKey(message)],
      );
      return integer(rows[0] ?? {}, 'id');
    },
    async get(id) {
      const { rows } = await queries.query(`${SELECT} WHERE id = $1`, [id]);
      return rows[0] === undefined ? null : entryOf(rows[0]);
    },
    search: (asked) => search(queries, asked),
    async trim(keepCount) {
      const { count } = await queries.query(
        'DELETE FROM event_logs WHERE id <= (SELECT id FROM event_logs ORDER BY id DESC LIMIT 1 OFFSET $1)',
        [keepCount],
      );
      return count;
    },
  };
}
