/** What a retriever module gave back, checked and copied: from here on it is JSON that nobody else can change. */
import type { UserClaims } from '../core/assertion.ts';
import type { Json } from '../core/json.ts';

/** Deeper structures do not fit into a header anyway; the bound also stops circular ones. */
const DEPTH_MAX = 16;

/** @throws TypeError where the answer is neither Map nor object, or a value is no JSON; names the claim, not the value */
export function attributesOf(found: unknown): Pick<UserClaims, 'claims' | 'order'> {
  if (found instanceof Map) return { claims: copied(found), order: 'given' };
  if (isPlainObject(found)) return { claims: copied(Object.entries(found)), order: 'natural' };
  throw new TypeError('getClaims gave neither a Map nor an object');
}

function copied(entries: Iterable<readonly [unknown, unknown]>): Map<string, Json> {
  const claims = new Map<string, Json>();
  for (const [name, value] of entries) {
    if (typeof name !== 'string') throw new TypeError('getClaims gave a claim whose name is no text');
    claims.set(name, jsonOf(value, name, DEPTH_MAX));
  }
  return claims;
}

function jsonOf(value: unknown, claim: string, depthLeft: number): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (depthLeft === 0) throw new TypeError(`claim ${claim} is nested too deeply`);
  if (Array.isArray(value)) return value.map((item: unknown) => jsonOf(item, claim, depthLeft - 1));
  if (!isPlainObject(value)) throw new TypeError(`claim ${claim} is no JSON`);
  const members = Object.entries(value).map(([name, item]) => [name, jsonOf(item, claim, depthLeft - 1)]);
  return Object.fromEntries(members);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
