/**
 * The access lines, of requests and of calls of the API, as pino would write them but put together by hand: everybody
 * who comes writes one, and their members are known. Costs a quarter of what a logger for any object does.
 */
import { SECOND_MS } from '../core/time.ts';
import type { AccessFields, CallFields } from './log.ts';
import { visibleJson } from './visible.ts';

/** What JSON writes as it is (RFC 8259 §7). */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : visibleJson(JSON.stringify(text));
}

function quotedOrNull(text: string | null): string {
  return text === null ? 'null' : quoted(text);
}

/** JSON has no words for what is no number, or is without end. */
function numberOrNull(value: number | null): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

/** More than a configuration has in names and the error table in codes; others are put in quotes each time. */
const NAMES_MAX = 10_000;
const knownNames = new Map<string, string>();

/** As `quotedOrNull`, for what comes from the configuration or a table: few texts, again and again. */
function nameOrNull(name: string | null): string {
  if (name === null) return 'null';
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const text = quoted(name);
  if (knownNames.size < NAMES_MAX) knownNames.set(name, text);
  return text;
}

/** What follows the seconds, by milliseconds. */
const FRACTIONS = Array.from({ length: SECOND_MS }, (_, ms) => `.${`${ms}`.padStart(3, '0')}Z`);
let knownSecondMs = Number.NaN;
let knownSecond = '';

/** As Date.prototype.toISOString writes it; the part before the milliseconds is the same for many lines. */
function isoTime(timeMs: number): string {
  const ms = timeMs % SECOND_MS;
  const secondMs = timeMs - ms;
  if (secondMs !== knownSecondMs) {
    knownSecondMs = secondMs;
    knownSecond = new Date(secondMs).toISOString().slice(0, -'.000Z'.length);
  }
  return knownSecond + (FRACTIONS[ms] ?? '');
}

function lineHead(timeMs: number, members: string): string {
  return `{"level":"info","time":"${isoTime(timeMs)}"${members}`;
}

/** What names a request, as the client sent it. Looked at once: all of it is plain where each is. */
function whoAndWhat(id: string, address: string, method: string, path: string, between = ''): string {
  if (PLAIN.test(id + address + method + path))
    return `,"request_id":"${id}","client_ip":"${address}"${between},"method":"${method}","path":"${path}"`;
  const client = `,"request_id":${quoted(id)},"client_ip":${quoted(address)}`;
  return `${client}${between},"method":${quoted(method)},"path":${quoted(path)}`;
}

/** `members`: JSON text of members that stand in every line, each behind a comma. `timeMs`: a whole number. */
export function accessLine(timeMs: number, members: string, fields: AccessFields): string {
  return (
    lineHead(timeMs, members) +
    whoAndWhat(fields.request_id, fields.client_ip, fields.method, fields.path) +
    `,"status":${numberOrNull(fields.status)},"duration_ms":${numberOrNull(fields.duration_ms)}` +
    `,"upstream_ms":${numberOrNull(fields.upstream_ms)}` +
    `,"route":${nameOrNull(fields.route)},"realm":${nameOrNull(fields.realm)}` +
    `,"user":${quotedOrNull(fields.user)},"upstream":${nameOrNull(fields.upstream)}` +
    `,"decision":"${fields.decision}","reason":${nameOrNull(fields.reason)}` +
    `,"detail":${quotedOrNull(fields.detail)},"bytes":${numberOrNull(fields.bytes)},"msg":"request"}\n`
  );
}

/** As `accessLine`, of a call. */
export function callLine(timeMs: number, members: string, fields: CallFields): string {
  const operation = `,"operation":${nameOrNull(fields.operation)}`;
  return (
    lineHead(timeMs, members) +
    whoAndWhat(fields.request_id, fields.client_ip, fields.method, fields.path, operation) +
    `,"status":${numberOrNull(fields.status)},"duration_ms":${numberOrNull(fields.duration_ms)}` +
    `,"reason":${quotedOrNull(fields.reason)},"client_gone":${fields.client_gone}` +
    `,"response_bytes":${numberOrNull(fields.response_bytes)},"msg":"call"}\n`
  );
}

/** The members of every line as the lines take them. */
export function memberText(members: Readonly<Record<string, string | number>>): string {
  return Object.entries(members)
    .map((member) => `,${member.map((part) => JSON.stringify(part)).join(':')}`)
    .join('');
}
