/** Where a claim lives: a literal member name (dots included), or a JSON pointer (RFC 6901) when it starts with `/`. */
import { isJsonObject, type Json, type JsonObject, member } from './json.ts';

export interface ClaimPath {
  /** As written in the configuration, for messages. */
  readonly text: string;
  readonly segments: readonly string[];
}

export function parseClaimPath(text: string): ClaimPath {
  if (!text.startsWith('/')) return { text, segments: [text] };
  const segments = text
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  return { text, segments };
}

/** The value at the path, or undefined. Array elements are not addressable: positions in a token mean nothing. */
export function readClaim(claims: JsonObject, path: ClaimPath): Json | undefined {
  let value: Json | undefined = claims;
  for (const segment of path.segments) {
    if (!isJsonObject(value)) return undefined;
    value = member(value, segment);
  }
  return value;
}
