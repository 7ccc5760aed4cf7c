/** One sealed text of the store, sealed again under the present master key, with the secrets that are sealed within it. */
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import { keyContext } from './objects/keys.ts';
import { webhookPasswordContext } from './objects/webhooks.ts';
import type { Sealer } from './ports.ts';
import { SEALED_CONTEXTS, type SealedPlace, type SealedValue } from './sealed-values.ts';

export interface Resealed {
  /** Previous master keys that it is sealed under, in whole or in part. */
  readonly previousKeyIds: readonly string[];
  /** What takes its place; null: it stays as it is. */
  readonly next: string | null;
}

/** Null: it opens with no master key of the sealer, or is no sealed text. */
export function reseal(sealer: Sealer, place: SealedPlace, { id, sealed }: SealedValue): Resealed | null {
  const context = SEALED_CONTEXTS[place](id);
  const whole = sealer.unseal(sealed, context);
  if (whole === null) return null;
  const within = place === 'catalogObjects' ? resealWithin(sealer, id, whole.plaintext) : null;
  const keyIds = [whole.keyId, ...(within === null ? [] : [within.keyId])];
  const previousKeyIds = keyIds.filter((keyId) => keyId !== sealer.keyId);
  const text = within?.text ?? whole.plaintext;
  return { previousKeyIds, next: previousKeyIds.length === 0 ? null : sealer.seal(text, context) };
}

interface Within {
  /** The object as JSON, its secret under the present key. */
  readonly text: string;
  /** What its secret was sealed under. */
  readonly keyId: string;
}

/** Secrets that stay sealed while their object is in memory, by the kind of the object. */
const SECRETS: ReadonlyMap<string, { readonly member: string; contextOf(id: string): string }> = new Map([
  ['keys', { member: 'sealedPrivateKey', contextOf: keyContext }],
  ['webhooks', { member: 'httpAuthenticationPassword', contextOf: webhookPasswordContext }],
]);

/** Null: the object has no such secret, or one that opens with no master key and stays as it is. */
function resealWithin(sealer: Sealer, ref: string, text: string): Within | null {
  const [kind = '', id = ''] = ref.split(' ');
  const secret = SECRETS.get(kind);
  const object = secret === undefined ? null : jsonObject(text);
  if (secret === undefined || object === null) return null;
  const sealed = object[secret.member];
  const context = secret.contextOf(id);
  const unsealed = typeof sealed === 'string' ? sealer.unseal(sealed, context) : null;
  if (unsealed === null) return null;
  const isPresent = unsealed.keyId === sealer.keyId;
  const next = isPresent ? sealed : sealer.seal(unsealed.plaintext, context);
  // A member that is there keeps its place: what is read and written again is the same text.
  return { text: JSON.stringify({ ...object, [secret.member]: next }), keyId: unsealed.keyId };
}

function jsonObject(text: string): JsonObject | null {
  const json: Json = JSON.parse(text);
  return isJsonObject(json) ? json : null;
}
