/** The body of a call: read within a bound, and taken for JSON or a form only where its Content-Type says so. */
import { CountersignError } from '../../core/errors.ts';
import { type HeaderList, headerValues } from '../../core/headers.ts';
import { badRequest } from '../../tokens/failure.ts';
import type { IncomingRequest } from '../http1/incoming-request.ts';
import type { RequestBody } from '../http1/request-body.ts';
import { isTooDeep, JSON_DEPTH_MAX } from './json-depth.ts';
import { type ParameterOptions, parseParameters } from './parameters.ts';

/** The largest object that callers send is a lambda or a user's `data`: texts of up to this size. */
export const API_BODY_MAX_BYTES = 64 * 1024;
/** The same for people. */
export const API_BODY_MAX_TEXT = `${API_BODY_MAX_BYTES / 1024} KiB`;

/** Pieces in which a body is collected: one of a single byte costs a hundred times as much as its byte. */
const PIECES_MAX = 64;

export const JSON_TYPE = 'application/json';
export const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Without parameters, in lower case; null: none. @throws CountersignError bad_request for several */
export function contentTypeOf(headers: HeaderList): string | null {
  const values = headerValues(headers, 'content-type');
  if (values.length > 1) throw new CountersignError('bad_request', 'several Content-Types');
  return values[0]?.split(';', 1)[0]?.trim().toLowerCase() ?? null;
}

/**
 * What the caller sent: JSON, or the members of a form; an empty object where there is no body.
 *
 * @throws CountersignError body_too_large, bad_request where the client breaks off
 * @throws ServiceError 400 for a body of another type, or one that is not of the type it says
 */
export async function readBody(
  { headers, body }: IncomingRequest,
  options: ParameterOptions & { readonly acceptsForm: boolean },
): Promise<unknown> {
  const type = contentTypeOf(headers);
  const bytes = body === null ? Buffer.alloc(0) : await readBytes(body);
  if (bytes.length === 0) return {};
  const text = utf8(bytes);
  if (type === JSON_TYPE) return parseJson(text);
  if (type === FORM_TYPE && options.acceptsForm) return Object.fromEntries(parseParameters(text, options));
  throw badRequest('[invalid]Content-Type', `The body must be ${JSON_TYPE}`);
}

/** Before the client is told to send it. @throws CountersignError body_too_large */
export function requireBounded(headers: HeaderList): void {
  const length = Number(headerValues(headers, 'content-length')[0] ?? 0);
  if (length > API_BODY_MAX_BYTES) throw tooLarge();
}

function readBytes(body: RequestBody): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let pieces: Buffer[] = [];
    let bytes = 0;
    const finish = (error: Error | null) => {
      body.off('data', onData).off('end', onEnd).off('close', onCut);
      if (error === null) resolve(Buffer.concat(pieces));
      else reject(error);
    };
    const onData = (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > API_BODY_MAX_BYTES) finish(tooLarge());
      else if (pieces.push(piece) === PIECES_MAX) pieces = [Buffer.concat(pieces)];
    };
    const onEnd = () => finish(null);
    const onCut = () => finish(new CountersignError('bad_request', 'the request body is incomplete'));
    // It tells nobody any more that it was cut: the client left before anybody read.
    if (body.destroyed) onCut();
    else body.on('data', onData).on('end', onEnd).on('close', onCut);
  });
}

function tooLarge(): CountersignError {
  return new CountersignError('body_too_large', `the body is larger than ${API_BODY_MAX_BYTES} bytes`);
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badRequest('[invalid]body', 'The body is no UTF-8');
  }
}

function parseJson(text: string): unknown {
  if (isTooDeep(text))
    throw badRequest('[invalidJSON]', `The body is nested deeper than ${JSON_DEPTH_MAX} levels`);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('[invalidJSON]', 'The body is no JSON');
  }
}
