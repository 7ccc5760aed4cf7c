/** What is known of generated signing keys besides their bytes, and how it is written down. */
import { isJsonObject, type Json, type JsonObject, member } from '../core/json.ts';
import type { Algorithm } from '../core/realm.ts';
import { type KeyState, signingAlgorithm } from './signing-key.ts';

/** Generated keys or what was asked of them are not in order. For the operator; holds no key material. */
export class KeyDirectoryError extends Error {
  override readonly name = 'KeyDirectoryError';
}

/** Times in milliseconds since the epoch. */
export interface KeyEntry {
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly state: KeyState;
  readonly createdAtMs: number;
  /** Null before it signed. */
  readonly activatedAtMs: number | null;
  readonly retiredAtMs: number | null;
  /** Longest life of an assertion that it may have signed: so long it stays published after its retirement. */
  readonly longestTtlMs: number;
}

/** Ids become file names: nothing else may stand in them. */
export const KEY_ID = /^[A-Za-z0-9_-]{1,128}$/;
const STATES: readonly KeyState[] = ['next', 'active', 'retired'];

/** `{"keys": […]}`, each entry with what `more` adds to it. */
export function indexText(
  entries: readonly KeyEntry[],
  more: (entry: KeyEntry) => JsonObject = () => ({}),
): string {
  const keys = entries.map((entry) => ({ ...entryJson(entry), ...more(entry) }));
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

function entryJson({ createdAtMs, activatedAtMs, retiredAtMs, ...rest }: KeyEntry): JsonObject {
  return {
    ...rest,
    createdAt: timeText(createdAtMs),
    activatedAt: timeText(activatedAtMs),
    retiredAt: timeText(retiredAtMs),
  };
}

function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** `place`: where it stands, for the message. @throws KeyDirectoryError where it cannot be understood */
export function parseIndex(text: string, place: string): KeyEntry[] {
  return indexItems(text, place).map((item) => parseEntry(item, place));
}

/** The list of keys as it stands there. @throws KeyDirectoryError */
export function indexItems(text: string, place: string): readonly Json[] {
  const document = parseJson(text, place);
  const keys = isJsonObject(document) ? member(document, 'keys') : undefined;
  if (!Array.isArray(keys)) throw new KeyDirectoryError(`${place} has no list of keys`);
  return keys;
}

function parseJson(text: string, place: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    // The cause is left out: it quotes the text, which may hold keys.
    throw new KeyDirectoryError(`${place} is no JSON`);
  }
}

/** @throws KeyDirectoryError */
export function parseEntry(value: Json, place: string): KeyEntry {
  if (!isJsonObject(value)) throw new KeyDirectoryError(`${place} holds a key that is no object`);
  const id = member(value, 'id');
  if (typeof id !== 'string' || !KEY_ID.test(id))
    throw new KeyDirectoryError(`${place} holds a key without a proper id`);
  const state = STATES.find((known) => known === member(value, 'state'));
  if (state === undefined) throw new KeyDirectoryError(`${place}: key ${id} has no state`);
  const longestTtlMs = member(value, 'longestTtlMs');
  if (typeof longestTtlMs !== 'number')
    throw new KeyDirectoryError(`${place}: key ${id} has no longestTtlMs`);
  const time = (name: string) => parseTime(member(value, name), `${place}: key ${id}`);
  return {
    id,
    state,
    longestTtlMs,
    algorithm: signingAlgorithm(String(member(value, 'algorithm'))),
    createdAtMs: time('createdAt') ?? 0,
    activatedAtMs: time('activatedAt'),
    retiredAtMs: time('retiredAt'),
  };
}

function parseTime(value: Json | undefined, key: string): number | null {
  if (value === null) return null;
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new KeyDirectoryError(`${key} has a time that is none`);
  return timeMs;
}
