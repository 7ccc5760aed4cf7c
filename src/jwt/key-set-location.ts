/** Where a key set is: configured, or found by discovery and looked up again as often as keys are. */
import type { DocumentFetcher, DocumentRequest } from '../core/document.ts';
import type { Clock } from '../core/time.ts';
import { discoverJwksUri } from './discovery.ts';

/** Where a key set is: at a URL, or where the metadata of its issuer says (discovery). */
export type KeySetSource =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'issuer'; readonly issuer: string };

/** The configured URL, or the issuer. */
export function sourceName(source: KeySetSource): string {
  return source.kind === 'url' ? source.url : source.issuer;
}

export interface KeySetLocationOptions {
  readonly source: KeySetSource;
  /** For each document. */
  readonly timeoutMs: number;
  /** Age up to which what discovery found is not asked for again. */
  readonly cacheTtlMs: number;
  /** Age up to which it is good while the metadata cannot be had. */
  readonly maxStaleMs: number;
  readonly clock: Clock;
}

/**
 * An issuer that moves its key set says so in its metadata alone, and may leave the old one where it was: what discovery
 * found is good for as long as a key set is, and not where a kid is missing.
 */
export class KeySetLocation {
  readonly #options: KeySetLocationOptions;
  #found: { readonly url: string; readonly atMs: number } | null = null;

  constructor(options: KeySetLocationOptions) {
    this.#options = options;
  }

  /** The last one found, or the name of the source. */
  get url(): string {
    return this.#found?.url ?? sourceName(this.#options.source);
  }

  /** After a failure: a moved key set is found again. */
  forget(): void {
    this.#found = null;
  }

  /**
   * @param maxAgeMs as DocumentRequest has it; 0: the metadata is asked now
   * @throws DiscoveryError, or what the fetcher throws, where nothing is known that may still be used
   */
  async find(
    fetchDocument: DocumentFetcher,
    maxAgeMs: number,
  ): Promise<Pick<DocumentRequest, 'url' | 'namedBy'>> {
    const { source, cacheTtlMs, maxStaleMs, clock } = this.#options;
    if (source.kind === 'url') return { url: source.url };
    const namedBy = source.issuer;
    const known = this.#found;
    const ageMs = known === null ? Infinity : clock() - known.atMs;
    if (known !== null && ageMs < Math.min(cacheTtlMs, maxAgeMs)) return { url: known.url, namedBy };
    try {
      return { url: await this.#discover(source.issuer, fetchDocument, maxAgeMs), namedBy };
    } catch (error) {
      if (known === null || ageMs >= maxStaleMs) throw error;
      return { url: known.url, namedBy };
    }
  }

  async #discover(issuer: string, fetchDocument: DocumentFetcher, maxAgeMs: number): Promise<string> {
    const { timeoutMs, clock } = this.#options;
    const url = await discoverJwksUri({ issuer, fetchDocument, timeoutMs, maxAgeMs });
    this.#found = { url, atMs: clock() };
    return url;
  }
}
