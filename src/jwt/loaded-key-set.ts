/** One good fetch of a key set as a value: replaced as a whole, so that a key which the issuer removed is gone. */
import type { FetchedDocument } from '../core/document.ts';
import { freshForMs } from './fetch-schedule.ts';
import { KeyPolicyError } from './jwk-policy.ts';
import { type ImportedKeySet, importKeySet } from './jwk-set.ts';
import type { VerificationKey } from './verification-key.ts';

export interface LoadedKeySet extends ImportedKeySet {
  /** Where it came from; the ETag belongs to this URL. */
  readonly url: string;
  readonly etag: string | null;
  readonly byKid: ReadonlyMap<string, readonly VerificationKey[]>;
  /** Equal for sets of the same keys, whatever their order in the document. */
  readonly fingerprint: string;
  readonly fetchedAtMs: number;
  /** How long it is fresh, from `fetchedAtMs` on. */
  readonly freshForMs: number;
  /** Another process has fetched it. */
  readonly isShared: boolean;
}

interface Fetch {
  readonly url: string;
  readonly document: FetchedDocument;
  readonly nowMs: number;
  readonly cacheTtlMs: number;
  /** The set whose ETag was sent; null where none was. */
  readonly previous: LoadedKeySet | null;
}

/** @throws KeyPolicyError where the document is no key set, or has no usable key */
export function loadKeySet({ url, document, nowMs, cacheTtlMs, previous }: Fetch): LoadedKeySet {
  const times = {
    fetchedAtMs: nowMs - (document.ageMs ?? 0),
    freshForMs: freshForMs(cacheTtlMs, document.cacheMaxAgeMs),
    isShared: document.ageMs !== undefined,
  };
  if (document.status === 304) {
    if (previous === null) throw new KeyPolicyError('Status 304 without a condition');
    return { ...previous, ...times };
  }
  const imported = importKeySet(document.body);
  requireUsableKey(imported);
  return { ...imported, ...times, url, etag: document.etag, ...indexOf(imported.keys) };
}

/** An empty set, or one of which nothing is usable, is an accident: the last good set serves better (K05). */
function requireUsableKey({ keys, rejected }: ImportedKeySet): void {
  if (keys.length > 0) return;
  throw new KeyPolicyError(
    `Key set has no usable key${rejected.length > 0 ? ':' : ''} ${describe(rejected)}`.trim(),
  );
}

/** `kid: reason` of each key, for the operator. */
export function describe(rejected: ImportedKeySet['rejected']): string {
  return rejected.map(({ kid, reason }) => `${kid ?? '(no kid)'}: ${reason}`).join('; ');
}

function indexOf(keys: readonly VerificationKey[]): Pick<LoadedKeySet, 'byKid' | 'fingerprint'> {
  const named = keys.flatMap((key) => (key.kid === null ? [] : [[key.kid, [key]] as const]));
  const parts = keys.map(({ kid, thumbprint, algorithms }) => JSON.stringify([kid, thumbprint, algorithms]));
  return { byKid: new Map(named), fingerprint: parts.sort().join() };
}
