/** Finds the key set of an issuer: OpenID Connect Discovery 1.0 §4, then RFC 8414 §3. */

import type { DocumentFetcher } from '../core/document.ts';
import { isJsonObject, type JsonObject, member } from '../core/json.ts';
import { parseStrictJson } from './strict-json.ts';

/** The metadata cannot be used. The message is for the operator. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
}

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly fetchDocument: DocumentFetcher;
  /** For each of the two documents. */
  readonly timeoutMs: number;
  /** As DocumentRequest has it. */
  readonly maxAgeMs?: number;
}

/**
 * The `jwks_uri` of the issuer. What fetches from that URL says who named it (`namedBy`).
 *
 * @throws DiscoveryError where neither document names this issuer and a key set
 */
export async function discoverJwksUri(options: DiscoveryOptions): Promise<string> {
  const [openIdUrl, oauthUrl] = metadataUrls(options.issuer);
  const fromOpenId = await attempt(openIdUrl, options);
  if (typeof fromOpenId === 'string') return fromOpenId;
  const fromOauth = await attempt(oauthUrl, options);
  if (typeof fromOauth === 'string') return fromOauth;
  throw new DiscoveryError(`${openIdUrl}: ${fromOpenId.message}; ${oauthUrl}: ${fromOauth.message}`);
}

/** OpenID Connect appends the well-known path to the issuer, RFC 8414 §3.1 puts it before the issuer's own path. */
function metadataUrls(issuer: string): [openId: string, oauth: string] {
  if (!URL.canParse(issuer)) throw new DiscoveryError('issuer is no URL: give jwksUri instead of discovery');
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

async function attempt(url: string, options: DiscoveryOptions): Promise<string | Error> {
  try {
    const { fetchDocument, timeoutMs, maxAgeMs = Infinity } = options;
    const document = await fetchDocument({ url, etag: null, timeoutMs, maxAgeMs });
    if (document.status === 304) throw new DiscoveryError('status 304 without a condition');
    return jwksUriOf(document.body, options.issuer);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Without the comparison, one issuer could give out its keys as those of another (RFC 8414 §3.3, mix-up). */
function jwksUriOf(body: string, issuer: string): string {
  const metadata: JsonObject = objectOf(body);
  if (member(metadata, 'issuer') !== issuer) throw new DiscoveryError('metadata names another issuer');
  const uri = member(metadata, 'jwks_uri');
  if (typeof uri !== 'string') throw new DiscoveryError('metadata has no jwks_uri');
  return uri;
}

function objectOf(body: string): JsonObject {
  const metadata = parseStrictJson(body);
  if (isJsonObject(metadata)) return metadata;
  throw new DiscoveryError('metadata is no JSON object');
}
