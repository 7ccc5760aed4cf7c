/**
 * The strict compact JWS (RFC 7515 §3.1): one spelling only, one reading only, and no header that would change how the
 * rest is understood. Says nothing about whether the token is genuine.
 */
import { CountersignError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, member } from '../core/json.ts';
import { KID_CHARACTERS_MAX } from './keys.ts';
import { decodeUtf8, parseStrictJson } from './strict-json.ts';

/** ASCII, so bytes too. All that a header section has by default (`limits.headerBytes`), wherever the token came from. */
const TOKEN_CHARACTERS_MAX = 16 * 1024;
/** `crit` and `b64` change what is signed (RFC 7797), `zip` and `enc` belong to JWE: none is supported in any form. */
const REFUSED_HEADERS = ['crit', 'b64', 'zip', 'enc'];

/** A token taken apart. Each of its three parts is proven canonical base64url. */
export interface CompactJws {
  /** The header, encoded. */
  readonly protected: string;
  /** Header and payload, encoded and joined: what is signed (RFC 7515 §5.1). ASCII. */
  readonly signingInput: string;
  /** Empty for an unsigned token. Whether it may be, the verifier decides. */
  readonly signature: Uint8Array;
}

/** What countersign reads of the header. `jku`, `x5u`, `jwk`, `x5c` and `x5t` are never read (RFC 8725 §3.10). */
export interface ProtectedHeader {
  readonly algorithm: string;
  readonly kid: string | null;
  /** As written. */
  readonly type: string | null;
}

/** Headers read before, by their encoded form. */
export interface HeaderLookup {
  get(encodedHeader: string): ProtectedHeader | undefined;
}

/** A well-formed token. Nothing in it is verified. */
export interface Envelope extends ProtectedHeader {
  readonly claims: JsonObject;
  readonly jws: CompactJws;
}

/**
 * @param known headers that genuine tokens had: these need no second reading
 * @throws CountersignError malformed; headers_too_large over 16 KiB
 */
export function parseEnvelope(token: string, known?: HeaderLookup): Envelope {
  const { header, payload, signingInput, signature } = splitParts(token);
  const { algorithm, kid, type } = known?.get(header) ?? parseHeader(header);
  const claims = parseObject(decodePart(payload), 'payload');
  const jws = { protected: header, signingInput, signature: decodePart(signature) };
  return { algorithm, kid, type, claims, jws };
}

/**
 * The envelope alone, for test vectors whose payload is no JSON.
 *
 * @internal
 * @throws CountersignError malformed; headers_too_large over 16 KiB
 */
export function splitCompact(token: string): CompactJws {
  const { header, payload, signingInput, signature } = splitParts(token);
  for (const part of [header, payload]) decodePart(part);
  return { protected: header, signingInput, signature: decodePart(signature) };
}

/** As they stand in the token. */
interface Parts {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  readonly signingInput: string;
}

function splitParts(token: string): Parts {
  if (token.length > TOKEN_CHARACTERS_MAX)
    throw new CountersignError('headers_too_large', 'token is larger than 16 KiB');
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first === -1 || second === -1 || token.includes('.', second + 1))
    throw malformed('token has not three parts');
  return {
    header: token.slice(0, first),
    payload: token.slice(first + 1, second),
    signature: token.slice(second + 1),
    signingInput: token.slice(0, second),
  };
}

/**
 * Node's decoder skips what is not of the alphabet, takes `+/` for `-_`, and ignores padding and trailing bits; so
 * only the one spelling that the encoder would write survives the way back (RFC 4648 §3.5). Otherwise one token has
 * many texts, and a revoked one comes back under another.
 */
function decodePart(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw malformed('part is not canonical base64url');
  return bytes;
}

/** @throws CountersignError malformed */
export function parseHeader(encodedHeader: string): ProtectedHeader {
  const header = parseObject(decodePart(encodedHeader), 'header');
  const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name));
  if (refused !== undefined) throw malformed(`header has ${refused}`);
  const algorithm = optionalString(header, 'alg');
  if (algorithm === null || algorithm === '') throw malformed('header has no alg');
  const kid = optionalString(header, 'kid');
  if (kid === '' || (kid !== null && kid.length > KID_CHARACTERS_MAX))
    throw malformed('kid is not 1 to 256 characters long');
  return { algorithm, kid, type: optionalString(header, 'typ') };
}

function optionalString(header: JsonObject, name: string): string | null {
  const value = member(header, name);
  if (value === undefined) return null;
  if (typeof value !== 'string') throw malformed(`header ${name} is no string`);
  return value;
}

function parseObject(bytes: Buffer, what: string): JsonObject {
  const value = parseStrictJson(decodeUtf8(bytes));
  if (!isJsonObject(value)) throw malformed(`${what} is no JSON object`);
  return value;
}

function malformed(message: string): CountersignError {
  return new CountersignError('malformed', message);
}
