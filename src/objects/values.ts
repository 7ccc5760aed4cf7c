/** The kinds of values that the token service's objects hold. */
import { z } from 'zod';
import type { Json } from '../core/json.ts';

/** Text of an object's member: names, descriptions. A bound, so that one object cannot fill a table. */
const TEXT_MAX_CHARS = 4096;
/** Text that is looked up: a longer one fits no index (PostgreSQL: 2704 bytes), and no name is longer. */
export const NAME_MAX_CHARS = 255;
/** RFC 5321 §4.5.3.1.3: a path has 256 octets, with its angle brackets. */
export const EMAIL_MAX_CHARS = 254;
/** Free-form `data` of one object, as JSON text. */
const DATA_MAX_CHARS = 64 * 1024;

/** A UUID of any version, in lower case, so that two spellings are one object. */
export function uuid() {
  return z.guid({ error: 'is no UUID' }).toLowerCase();
}

export function text(maxChars: number = TEXT_MAX_CHARS) {
  return z
    .string({ error: 'is no text' })
    .min(1, { error: 'is empty' })
    .max(maxChars, { error: `is longer than ${maxChars} characters` });
}

/** What objects are told apart by, or found by: names, usernames, `kid`, ids at identity providers. */
export function name() {
  return text(NAME_MAX_CHARS);
}

export function email() {
  return z
    .email({ error: 'is no e-mail address' })
    .max(EMAIL_MAX_CHARS, { error: `is longer than ${EMAIL_MAX_CHARS} characters` });
}

/** Milliseconds since 1970-01-01T00:00:00Z: instants of objects. Claims of tokens are seconds (RFC 7519 §2). */
export function instant() {
  return z.int({ error: 'is no instant in milliseconds' }).nonnegative();
}

const json: z.ZodType<Json> = z.json();

/** Free-form members of an application's own: any JSON object. */
export function data() {
  return z
    .record(z.string(), json, { error: 'is no JSON object' })
    .refine((value) => JSON.stringify(value).length <= DATA_MAX_CHARS, {
      error: `is larger than ${DATA_MAX_CHARS} characters of JSON`,
    });
}

/** An http or https URL. */
export function httpUrl() {
  return z.url({ protocol: /^https?$/, error: 'is no http or https URL' });
}

/** What every stored object carries beside its own members. */
export interface Stamped {
  readonly id: string;
  /** Milliseconds. */
  readonly insertInstant: number;
  /** Milliseconds. */
  readonly lastUpdateInstant: number;
  /** `Config`: declared in the configuration file, and read-only through the API. */
  readonly source: 'API' | 'Config';
}

/** A stored object: what was sent, and its stamps. */
export type Stored<Body> = Readonly<Omit<Body, 'id'>> & Stamped;

/** A stored object without its stamps: what a client sends. */
export type Body<Object extends Stamped> = Omit<Object, keyof Stamped>;
