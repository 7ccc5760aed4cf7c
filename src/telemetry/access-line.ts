/**
 * The access lines, of requests and of calls of the API, as pino would write them but put together by hand: everybody
 * who comes writes one, and their members are known. Costs a quarter of what a logger for any object does.
 */
import type { AccessFields, CallFields } from './log.ts';

/** What JSON writes as it is (RFC 8259 §7). */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function quotedOrNull(text: string | null): string {
  return text === null ? 'null' : quoted(text);
}

const SECOND_MS = 1000;
let knownSecondMs = Number.NaN;
let knownPrefix = '';

/** As Date.prototype.toISOString writes it; the part before the milliseconds is the same for many lines. */
function isoTime(timeMs: number): string {
  const ms = timeMs % SECOND_MS;
  const secondMs = timeMs - ms;
  if (secondMs !== knownSecondMs) {
    knownSecondMs = secondMs;
    knownPrefix = new Date(secondMs).toISOString().slice(0, -'000Z'.length);
  }
  return `${knownPrefix}${`${ms}`.padStart(3, '0')}Z`;
}

function lineHead(timeMs: number, members: string): string {
  return `{"level":"info","time":"${isoTime(timeMs)}"${members}`;
}

/** `members`: JSON text of members that stand in every line, each behind a comma. `timeMs`: a whole number. */
export function accessLine(timeMs: number, members: string, fields: AccessFields): string {
  return (
    `${lineHead(timeMs, members)},"request_id":${quoted(fields.request_id)}` +
    `,"client_ip":${quoted(fields.client_ip)},"method":${quoted(fields.method)},"path":${quoted(fields.path)}` +
    `,"status":${fields.status},"duration_ms":${fields.duration_ms},"upstream_ms":${fields.upstream_ms}` +
    `,"route":${quotedOrNull(fields.route)},"realm":${quotedOrNull(fields.realm)}` +
    `,"user":${quotedOrNull(fields.user)},"upstream":${quotedOrNull(fields.upstream)}` +
    `,"decision":"${fields.decision}","reason":${quoted(fields.reason)}` +
    `,"detail":${quotedOrNull(fields.detail)},"bytes":${fields.bytes},"msg":"request"}\n`
  );
}

/** As `accessLine`, of a call. */
export function callLine(timeMs: number, members: string, fields: CallFields): string {
  return (
    `${lineHead(timeMs, members)},"request_id":${quoted(fields.request_id)}` +
    `,"client_ip":${quoted(fields.client_ip)},"operation":${quoted(fields.operation)}` +
    `,"method":${quoted(fields.method)},"path":${quoted(fields.path)},"status":${fields.status}` +
    `,"duration_ms":${fields.duration_ms},"reason":${quotedOrNull(fields.reason)}` +
    `,"client_gone":${fields.client_gone},"response_bytes":${fields.response_bytes},"msg":"call"}\n`
  );
}

/** The members of every line as the lines take them. */
export function memberText(members: Readonly<Record<string, string | number>>): string {
  return Object.entries(members)
    .map((member) => `,${member.map((part) => JSON.stringify(part)).join(':')}`)
    .join('');
}
