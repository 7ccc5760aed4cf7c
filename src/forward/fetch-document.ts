/** Fetches one small document (a key set, discovery metadata) from a configured URL, with every limit set. */
import { Agent, type Dispatcher, request } from 'undici';
import type { DocumentFetcher, DocumentRequest, FetchedDocument } from '../core/document.ts';
import { AddressError, guardedLookup, isLoopbackHost, requireAllowedHost } from './address-guard.ts';

export type DocumentErrorKind =
  | 'url'
  | 'address'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'redirect'
  | 'status'
  | 'encoding'
  | 'too_large'
  | 'protocol';

/** Why there is no document. The message is for the operator and holds nothing of the document. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly kind: DocumentErrorKind;

  constructor(kind: DocumentErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** 100 keys of 4096 bits with certificates fit; more is no key set (CWE-400). */
const DOCUMENT_BYTES_MAX = 256 * 1024;

export interface DocumentFetcherOptions {
  /** PEM certificates trusted instead of the system's; null: the system's. */
  readonly ca: string | null;
  /** Hosts that may be fetched over plain `http:` although they are not loopback, as URLs spell them. */
  readonly plainHttpHosts?: ReadonlySet<string>;
}

/** GETs a document. @throws DocumentError for anything but a 200 within the limits, or a 304 when asked with an ETag. */
export function createDocumentFetcher(options: DocumentFetcherOptions): DocumentFetcher {
  const ca = options.ca === null ? {} : { ca: options.ca };
  const dispatcher = new Agent({ connect: { ...ca, lookup: guardedLookup, allowH2: false } });
  return async (wanted) => {
    const url = requireFetchableUrl(wanted.url, options.plainHttpHosts);
    requireNoWayIn(url, wanted.namedBy);
    try {
      return await exchange(url, wanted, dispatcher);
    } catch (error) {
      throw documentErrorOf(error, wanted.timeoutMs);
    }
  };
}

function requireFetchableUrl(text: string, plainHttpHosts: ReadonlySet<string> | undefined): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw new DocumentError('url', 'URL is not valid');
  const isPlainAllowed = isLoopbackHost(url.hostname) || plainHttpHosts?.has(url.hostname) === true;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPlainAllowed))
    throw new DocumentError('url', 'URL must be https (http only for loopback hosts)');
  if (url.username !== '' || url.password !== '')
    throw new DocumentError('url', 'URL must hold no credentials');
  return url;
}

/** Metadata of a remote issuer cannot make us ask what listens on this machine, for its own clients only (CWE-918). */
function requireNoWayIn(url: URL, namedBy: string | undefined): void {
  if (namedBy === undefined || !isLoopbackHost(url.hostname) || isLoopbackHost(new URL(namedBy).hostname))
    return;
  throw new DocumentError('address', 'a remote issuer names a loopback host');
}

async function exchange(url: URL, wanted: DocumentRequest, dispatcher: Agent): Promise<FetchedDocument> {
  requireAllowedHost(url.hostname);
  const response = await request(url, {
    dispatcher,
    // One connection per fetch: the address is resolved and checked each time.
    reset: true,
    signal: AbortSignal.timeout(Math.max(1, Math.ceil(wanted.timeoutMs))),
    headers: {
      accept: 'application/jwk-set+json, application/json',
      'accept-encoding': 'identity',
      ...(wanted.etag === null ? {} : { 'if-none-match': wanted.etag }),
    },
  });
  try {
    return await documentOf(response, wanted);
  } finally {
    // A body that was not read to its end is not read at all. Its abort error has no other listener.
    response.body.on('error', () => undefined).destroy();
  }
}

async function documentOf(
  response: Dispatcher.ResponseData,
  wanted: DocumentRequest,
): Promise<FetchedDocument> {
  const { statusCode, headers } = response;
  const cacheMaxAgeMs = maxAgeMs(single(headers['cache-control']));
  if (statusCode === 304 && wanted.etag !== null) return { status: 304, cacheMaxAgeMs };
  if (statusCode >= 300 && statusCode < 400)
    throw new DocumentError('redirect', `status ${statusCode}: redirects are not followed`);
  if (statusCode !== 200) throw new DocumentError('status', `status ${statusCode}`);
  const encoding = single(headers['content-encoding'])?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') throw new DocumentError('encoding', 'body is compressed against our wish');
  const body = await boundedText(response.body);
  return { status: 200, body, etag: etagOf(single(headers['etag'])), cacheMaxAgeMs };
}

async function boundedText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > DOCUMENT_BYTES_MAX)
      throw new DocumentError('too_large', `body is larger than ${DOCUMENT_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new DocumentError('encoding', 'body is not UTF-8', { cause });
  }
}

/** A header that is repeated says nothing certain: it is not used. */
function single(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** RFC 9110 §8.8.3; longer ones would be sent back on every refresh. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/;

function etagOf(value: string | null): string | null {
  return value !== null && ETAG.test(value) ? value : null;
}

/** Freshness by RFC 9111 §5.2.2: `no-store` and `no-cache` are 0; null where nothing is said. */
function maxAgeMs(cacheControl: string | null): number | null {
  const directives = (cacheControl ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store') || directives.includes('no-cache')) return 0;
  const ages = directives.flatMap((directive) => /^max-age="?(\d{1,10})"?$/.exec(directive)?.[1] ?? []);
  return ages.length === 0 ? null : Math.min(...ages.map(Number)) * 1000;
}

const KIND_OF_CODE: readonly [RegExp, DocumentErrorKind, string][] = [
  [/^(?:ENOTFOUND|EAI_)/, 'dns', 'host name cannot be resolved'],
  [/TIMEOUT|ETIMEDOUT/, 'timeout', 'no answer in time'],
  [/^(?:ERR_TLS|ERR_SSL|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME)/, 'tls', 'TLS failed'],
  [/^(?:HPE_|UND_ERR_(?:HEADERS|RES|REQ))/, 'protocol', 'answer is not valid HTTP'],
  [/^(?:E[A-Z]+|UND_ERR_SOCKET)$/, 'connect', 'connection failed'],
];

function documentErrorOf(error: unknown, timeoutMs: number): DocumentError {
  if (error instanceof DocumentError) return error;
  if (error instanceof AddressError) return new DocumentError('address', error.message, { cause: error });
  if (error instanceof Error && error.name === 'TimeoutError')
    return new DocumentError('timeout', `no complete answer within ${timeoutMs} ms`, { cause: error });
  const code = codeOf(error);
  const known = KIND_OF_CODE.find(([pattern]) => pattern.test(code));
  if (known === undefined) return new DocumentError('protocol', 'fetch failed', { cause: error });
  const [, kind, text] = known;
  return new DocumentError(kind, `${text} (${code})`, { cause: error });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
