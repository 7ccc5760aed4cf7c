/** Compact JWS of the token service (RFC 7515 §7.1): signed with one key, verified against the keys it may come from. */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { CountersignError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, member } from '../core/json.ts';
import type { Algorithm } from '../core/realm.ts';
import { SECOND_MS } from '../core/time.ts';
import type { Envelope } from './envelope.ts';
import { signJws } from './sign.ts';
import { verifySignature } from './signature.ts';
import { decodeUtf8, parseStrictJson } from './strict-json.ts';

/** One key, one algorithm (RFC 8725 §3.1). */
export interface CompactKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  /** Private or secret to sign, public or secret to verify. */
  readonly key: KeyObject;
}

export interface VerifiedCompact {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** PKCS#8 PEM; for HS algorithms the text whose UTF-8 bytes are the secret. @throws Error where it cannot be read */
export function signingKeyObject(algorithm: Algorithm, text: string): KeyObject {
  return algorithm.startsWith('HS') ? createSecretKey(Buffer.from(text, 'utf8')) : createPrivateKey(text);
}

/** SPKI PEM; for HS algorithms the text whose UTF-8 bytes are the secret. @throws Error where it cannot be read */
export function verifyingKeyObject(algorithm: Algorithm, text: string): KeyObject {
  return algorithm.startsWith('HS') ? createSecretKey(Buffer.from(text, 'utf8')) : createPublicKey(text);
}

/** `alg`, `typ` and `kid` are the key's, whatever `header` says. */
export async function signCompact(key: CompactKey, header: JsonObject, claims: JsonObject): Promise<string> {
  const head = { ...header, alg: key.algorithm, typ: 'JWT', kid: key.kid };
  const input = `${encode(head)}.${encode(claims)}`;
  const signature = await signJws(key.algorithm, key.key, Buffer.from(input, 'latin1'));
  return `${input}.${signature.toString('base64url')}`;
}

function encode(part: JsonObject): string {
  return Buffer.from(JSON.stringify(part), 'utf8').toString('base64url');
}

export interface KeyChoice {
  /** For keys that something else than the `kid` has chosen. */
  readonly ignoreKid?: boolean;
}

/**
 * The key that the signature was made with: of a token with a `kid`, one of that name only.
 *
 * @throws CountersignError unknown_kid, alg_not_allowed, bad_signature
 */
export async function keyOfSignature(
  { jws, kid: wanted, algorithm: claimed }: Envelope,
  keys: readonly CompactKey[],
  { ignoreKid = false }: KeyChoice = {},
): Promise<CompactKey> {
  const named = ignoreKid || wanted === null ? keys : keys.filter(({ kid }) => kid === wanted);
  if (named.length === 0) throw new CountersignError('unknown_kid', 'no key has this kid');
  const fitting = named.filter(({ algorithm }) => algorithm === claimed);
  if (fitting.length === 0) throw new CountersignError('alg_not_allowed', 'the key serves another algorithm');
  for (const key of fitting) if (await verifySignature(jws, key.key, key.algorithm)) return key;
  throw new CountersignError('bad_signature', 'the signature does not verify');
}

/** Of an envelope whose signature was verified. */
export function verifiedOf(envelope: Envelope): VerifiedCompact {
  return { header: headerOf(envelope), claims: envelope.claims };
}

/** Every member of the header, where the envelope reads what it needs. It has proven that it is a JSON object. */
export function headerOf({ jws }: Envelope): JsonObject {
  const header = parseStrictJson(decodeUtf8(Buffer.from(jws.protected, 'base64url')));
  return isJsonObject(header) ? header : {};
}

/** When a token may be used. */
export interface Lifetime {
  /** `nbf`; 0 without. */
  readonly notBeforeMs: number;
  /** `exp`: the first instant at which it is refused. */
  readonly expiresAtMs: number;
}

/** @throws CountersignError missing_claim without `exp`; invalid_claim */
export function lifetimeOf(claims: JsonObject): Lifetime {
  const exp = numericDate(claims, 'exp');
  const nbf = numericDate(claims, 'nbf');
  if (exp === null) throw new CountersignError('missing_claim', 'claim exp is missing', { parameter: 'exp' });
  return { notBeforeMs: (nbf ?? 0) * SECOND_MS, expiresAtMs: exp * SECOND_MS };
}

/** @throws CountersignError expired, not_yet_valid */
export function requireInForce({ notBeforeMs, expiresAtMs }: Lifetime, nowMs: number): void {
  if (nowMs >= expiresAtMs) throw new CountersignError('expired', 'exp is past');
  if (nowMs < notBeforeMs) throw new CountersignError('not_yet_valid', 'nbf is in the future');
}

function numericDate(claims: JsonObject, name: string): number | null {
  const value = member(claims, name);
  if (value === undefined) return null;
  if (typeof value === 'number' && value >= 0) return value;
  throw new CountersignError('invalid_claim', `claim ${name} is no NumericDate`, { parameter: name });
}
