/** Values in the places of those that could not be read, so that whatever else is wrong with the file is found too. */
import type { z } from 'zod';
import { isJsonObject, type Json } from '../core/json.ts';
import { type ConfigPath, ISSUES_MAX } from './issue.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * One of them fits nearly every text of the schema; the first is long enough for a secret. No two places have the same:
 * equal values are mistakes of their own.
 */
function standIns(place: number): readonly string[] {
  const name = `value-that-could-not-be-read-${place}.invalid`;
  const uuid = `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`;
  const urls = [`https://${name}`, `http://${name}`];
  const amounts = ['1h', '5m', '1s', '1MiB'];
  return [name, ...urls, `/${name}`, `127.0.0.1:${place}`, '10.0.0.0/8', 'RS256', uuid, ...amounts];
}

/** Null where no such value meets the schema, or something else does not. The result is for looking, never for use. */
export function parsedWithStandIns(value: Json, unread: readonly ConfigPath[]): Config | null {
  if (unread.length === 0 || unread.length > ISSUES_MAX) return null;
  let places = unread.map((path, index) => ({ path, choices: standIns(index + 1) }));
  for (;;) {
    const filled = places.reduce(
      (json, { path, choices }) => replaced(json, path, choices[0] ?? null),
      value,
    );
    const { success, data, error } = configSchema.safeParse(filled);
    if (success) return data;
    const refused = places.filter(({ path }) => error.issues.some((issue) => concerns(issue, path)));
    if (refused.length === 0 || refused.some(({ choices }) => choices.length === 1)) return null;
    places = places.map((place) =>
      refused.includes(place) ? { ...place, choices: place.choices.slice(1) } : place,
    );
  }
}

/** A mistake in the place, within it, or of a block around it: a union says only that the whole of it is none of its forms. */
function concerns({ path: place }: z.core.$ZodIssue, path: ConfigPath): boolean {
  return place.every((part, index) => index >= path.length || part === path[index]);
}

/** A copy with another value at the path, where there is one. */
function replaced(json: Json, path: ConfigPath, value: Json): Json {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(json))
    return json.map((item, index) => (index === first ? replaced(item, rest, value) : item));
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, item]) => [key, key === first ? replaced(item, rest, value) : item]),
  );
}
