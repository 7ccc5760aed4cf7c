/** What the token service's API sends: a status, JSON or nothing, cookies; and the headers that every answer has. */
import type { AnswerWriter } from '../http1/answer-writer.ts';
import type { IncomingRequest } from '../http1/incoming-request.ts';

export interface Answer {
  readonly status: number;
  /** What JSON.stringify takes. Null: no body, and no Content-Type. */
  readonly body: object | null;
  /** Values of Set-Cookie. */
  readonly cookies?: readonly string[];
  /** Further names and values in turn: Allow, Retry-After. */
  readonly headers?: readonly string[];
  /** No other request is read from the connection: where this one ends may be a matter of opinion. */
  readonly isLast?: boolean;
  /** Why it is a refusal or failure, for the operator. Never a token, a key or a secret. */
  readonly reason?: string;
}

export function json(status: number, body: object, cookies: readonly string[] = []): Answer {
  return { status, body, cookies };
}

export function empty(status: number): Answer {
  return { status, body: null };
}

/** RFC 6749 §5.1 for every answer: what is not a token today may be one tomorrow. */
const ALWAYS = ['Cache-Control', 'no-store', 'Pragma', 'no-cache', 'X-Content-Type-Options', 'nosniff'];

/** Sends the answer, also where the request's body was not read. Gives back how many bytes its body has. */
export function sendAnswer(
  request: IncomingRequest,
  writer: AnswerWriter,
  { status, body, cookies = [], headers = [], isLast = false }: Answer,
): number {
  const text = body === null ? '' : JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  const head = [...ALWAYS, 'X-Request-Id', request.id, ...headers];
  for (const cookie of cookies) head.push('Set-Cookie', cookie);
  if (body !== null) head.push('Content-Type', 'application/json;charset=UTF-8');
  head.push('Content-Length', String(bytes));
  if (isLast || !request.isDrainable) writer.closeAfter();
  writer.send(status, head, text);
  return bytes;
}
