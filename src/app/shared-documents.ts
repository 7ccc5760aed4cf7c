/**
 * Documents of issuers, fetched once for all workers: a worker that asks is given what another one has caused to be
 * fetched meanwhile, and only where there is nothing new for it the issuer is asked.
 */

import type { DocumentFetcher, DocumentRequest, FetchedDocument } from '../core/document.ts';
import type { Clock } from '../core/time.ts';
import { SECOND_MS } from '../core/time.ts';

export interface SharedDocumentRequest extends DocumentRequest {
  /** PEM certificates that the fetch trusts; null: the system's. */
  readonly ca: string | null;
}

export interface SharedDocuments {
  /** `worker` tells askers apart, replaced workers included. Rejects as the fetch did. */
  fetch(worker: number, wanted: SharedDocumentRequest): Promise<FetchedDocument>;
}

export interface SharedDocumentsOptions {
  readonly fetcherFor: (ca: string | null) => DocumentFetcher;
  readonly clock: Clock;
}

/** Failures are news for a short while: an issuer that is back must not be taken for lost. */
const FAILURE_AGE_MAX_MS = 5 * SECOND_MS;
/** Of all documents kept; a key set has some kilobytes. More only means fetching again. */
const CHARACTERS_MAX = 64 * 1024 * 1024;

type GoodDocument = FetchedDocument & { readonly status: 200 };

/** How one fetch ended, and who has been told. */
interface Outcome {
  readonly begunAtMs: number;
  readonly fetchedAtMs: number;
  /** The last good one; null where there was none. */
  readonly document: GoodDocument | null;
  /** Null where the fetch succeeded. */
  readonly error: Error | null;
  readonly toldTo: Set<number>;
}

interface Flight {
  readonly begunAtMs: number;
  readonly outcome: Promise<Outcome>;
}

export function createSharedDocuments(options: SharedDocumentsOptions): SharedDocuments {
  return new DocumentStore(options);
}

class DocumentStore implements SharedDocuments {
  readonly #options: SharedDocumentsOptions;
  readonly #fetchers = new Map<string | null, DocumentFetcher>();
  readonly #flights = new Map<string, Flight>();
  /** The oldest outcome first. */
  readonly #outcomes = new Map<string, Outcome>();

  constructor(options: SharedDocumentsOptions) {
    this.#options = options;
  }

  async fetch(worker: number, wanted: SharedDocumentRequest): Promise<FetchedDocument> {
    const { clock } = this.#options;
    const key = JSON.stringify([wanted.url, wanted.ca, wanted.namedBy ?? null]);
    const notBeforeMs = clock() - (wanted.maxAgeMs ?? Infinity);
    const news = this.#news(key, worker, notBeforeMs);
    const earlier = news === null ? this.#endOfEarlier(key, notBeforeMs) : undefined;
    if (earlier !== undefined) await earlier;
    const flight = this.#flights.get(key);
    const outcome = news ?? (await (flight ?? this.#begin(key, wanted)).outcome);
    outcome.toldTo.add(worker);
    const isOwn = news === null && flight === undefined;
    return answerOf(outcome, wanted.etag, isOwn ? null : clock());
  }

  /** What the worker has not been told yet. */
  #news(key: string, worker: number, notBeforeMs: number): Outcome | null {
    const known = this.#outcomes.get(key);
    if (known === undefined || known.toldTo.has(worker) || known.begunAtMs < notBeforeMs) return null;
    const isOver = known.error !== null && this.#options.clock() - known.fetchedAtMs > FAILURE_AGE_MAX_MS;
    return isOver ? null : known;
  }

  /** Whoever waits for fetches that began too early joins the one after them. */
  #endOfEarlier(key: string, notBeforeMs: number): Promise<void> | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined || flight.begunAtMs >= notBeforeMs) return;
    return flight.outcome.then(() => this.#endOfEarlier(key, notBeforeMs));
  }

  #begin(key: string, wanted: SharedDocumentRequest): Flight {
    const begunAtMs = this.#options.clock();
    const outcome = this.#ask(key, wanted, begunAtMs).finally(() => this.#flights.delete(key));
    const flight = { begunAtMs, outcome };
    this.#flights.set(key, flight);
    return flight;
  }

  async #ask(key: string, wanted: SharedDocumentRequest, begunAtMs: number): Promise<Outcome> {
    const { ca, url, timeoutMs, namedBy } = wanted;
    const last = this.#outcomes.get(key)?.document ?? null;
    const asked = { url, timeoutMs, etag: last?.etag ?? null, ...(namedBy === undefined ? {} : { namedBy }) };
    const { document, error } = await this.#fetcher(ca)(asked).then(
      (fetched) => ({ document: goodDocument(fetched, last), error: null }),
      (thrown: unknown) => ({
        document: last,
        error: thrown instanceof Error ? thrown : new Error(String(thrown)),
      }),
    );
    const fetchedAtMs = this.#options.clock();
    const outcome = { begunAtMs, fetchedAtMs, document, error, toldTo: new Set<number>() };
    this.#keep(key, outcome);
    return outcome;
  }

  #fetcher(ca: string | null): DocumentFetcher {
    const fetcher = this.#fetchers.get(ca) ?? this.#options.fetcherFor(ca);
    this.#fetchers.set(ca, fetcher);
    return fetcher;
  }

  #keep(key: string, outcome: Outcome): void {
    this.#outcomes.delete(key);
    this.#outcomes.set(key, outcome);
    let characters = 0;
    for (const { document } of this.#outcomes.values()) characters += document?.body.length ?? 0;
    for (const [oldest, { document }] of this.#outcomes) {
      if (characters <= CHARACTERS_MAX) return;
      this.#outcomes.delete(oldest);
      characters -= document?.body.length ?? 0;
    }
  }
}

/** What stands at the URL now: a 304 says that it is what was there before. */
function goodDocument(fetched: FetchedDocument, last: GoodDocument | null): GoodDocument {
  if (fetched.status === 200) return fetched;
  if (last === null) throw new Error('status 304 without a condition');
  return { ...last, cacheMaxAgeMs: fetched.cacheMaxAgeMs };
}

/** `nowMs` null: the asker has caused the fetch. */
function answerOf(outcome: Outcome, etag: string | null, nowMs: number | null): FetchedDocument {
  const { document, error, fetchedAtMs } = outcome;
  if (error !== null) throw error;
  if (document === null) throw new Error('there is no document');
  const age = nowMs === null ? {} : { ageMs: nowMs - fetchedAtMs };
  const { cacheMaxAgeMs } = document;
  if (etag !== null && etag === document.etag) return { status: 304, cacheMaxAgeMs, ...age };
  return { ...document, ...age };
}
