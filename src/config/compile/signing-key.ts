/** `realms[].signingKey`: exactly one form, as material for jwt/keys.ts, which applies the key policy. */

import type { JsonObject } from '../../core/json.ts';
import { type Algorithm, SECRET_BYTES_MIN } from '../../core/realm.ts';
import type { ConfigPath } from '../issue.ts';
import type { RealmConfig } from '../schema/realm.ts';
import type { CompileContext } from './context.ts';
import { secretText, warnInline } from './secret-text.ts';

export type SigningKeySettings =
  | {
      readonly kind: 'secret';
      readonly bytes: Uint8Array;
      readonly kid: string | null;
      readonly allowWeakSecret: boolean;
    }
  | { readonly kind: 'pem'; readonly text: string; readonly kid: string | null }
  | {
      readonly kind: 'jwk';
      /** With the configured `kid`. */
      readonly jwk: JsonObject;
      readonly kid: string | null;
      readonly allowWeakSecret: boolean;
    };

/** Secrets and public keys never serve one realm: an attacker would sign with the public one (CVE-2015-9235). */
export type KeyFamily = 'secret' | 'public';

type SigningKeyConfig = NonNullable<RealmConfig['signingKey']>;

const FORMS = ['secret', 'secretBase64', 'pemFile', 'jwk'] as const;

/** Null after refusing, and for a realm without signing key. */
export function compileSigningKey(
  key: SigningKeyConfig | null,
  algorithms: readonly Algorithm[],
  path: ConfigPath,
  context: CompileContext,
): SigningKeySettings | null {
  if (key === null) return null;
  const given = FORMS.filter((form) => key[form] !== undefined);
  if (given.length !== 1) {
    context.refuse(path, `needs exactly one of ${FORMS.join(', ')}; it has ${given.join(' and ') || 'none'}`);
    return null;
  }
  if (key.allowWeakSecret) context.warn([...path, 'allowWeakSecret'], 'a weak secret is accepted');
  const compiled = materialOf(key, path, context);
  if (compiled !== null) requireLength(compiled, key, algorithms, [...path, given[0] ?? ''], context);
  return compiled;
}

export function familyOf(key: SigningKeyConfig): KeyFamily {
  const isSecret = key.secret !== undefined || key.secretBase64 !== undefined || key.jwk?.kty === 'oct';
  return isSecret ? 'secret' : 'public';
}

function materialOf(
  key: SigningKeyConfig,
  path: ConfigPath,
  context: CompileContext,
): SigningKeySettings | null {
  const { kid, allowWeakSecret } = key;
  if (key.jwk !== undefined) return jwkKey(key, key.jwk, path, context);
  if (key.pemFile !== undefined) {
    const text = context.readText(key.pemFile, [...path, 'pemFile']);
    return text === null ? null : { kind: 'pem', text, kid };
  }
  const isBase64 = key.secretBase64 !== undefined;
  const place = [...path, isBase64 ? 'secretBase64' : 'secret'];
  const text = secretText(key.secret ?? key.secretBase64 ?? '', place, context);
  if (text === null) return null;
  const bytes = isBase64 ? decodeBase64(text) : new TextEncoder().encode(text);
  if (bytes !== null) return { kind: 'secret', bytes, kid, allowWeakSecret };
  context.refuse(place, 'is neither base64 nor base64url');
  return null;
}

/** Standard or URL-safe alphabet, with or without padding; null for anything else. */
function decodeBase64(text: string): Uint8Array | null {
  const plain = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={0,2}$/, '');
  const bytes = Buffer.from(plain, 'base64');
  return bytes.toString('base64').replace(/={0,2}$/, '') === plain ? new Uint8Array(bytes) : null;
}

function jwkKey(
  key: SigningKeyConfig,
  jwk: NonNullable<SigningKeyConfig['jwk']>,
  path: ConfigPath,
  context: CompileContext,
): SigningKeySettings | null {
  const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : null;
  if (kid !== null && key.kid !== null && kid !== key.kid) {
    context.refuse([...path, 'kid'], 'differs from the kid of the jwk');
    return null;
  }
  if (jwk['k'] !== undefined) warnInline([...path, 'jwk', 'k'], context);
  const wantedKid = key.kid ?? kid;
  const named = wantedKid === null ? jwk : { ...jwk, kid: wantedKid };
  return { kind: 'jwk', jwk: named, kid: wantedKid, allowWeakSecret: key.allowWeakSecret };
}

/** RFC 7518 §3.2. */
function requireLength(
  compiled: SigningKeySettings,
  key: SigningKeyConfig,
  algorithms: readonly Algorithm[],
  path: ConfigPath,
  context: CompileContext,
): void {
  if (key.allowWeakSecret || familyOf(key) !== 'secret') return;
  const bytes = secretBytes(compiled);
  const lacking = algorithms.find((algorithm) => bytes < (SECRET_BYTES_MIN.get(algorithm) ?? 0));
  if (lacking === undefined) return;
  context.refuse(
    path,
    `is shorter than the ${SECRET_BYTES_MIN.get(lacking)} bytes that ${lacking} needs (RFC 7518 §3.2); ` +
      'allowWeakSecret: true accepts it',
  );
}

function secretBytes(compiled: SigningKeySettings): number {
  if (compiled.kind === 'secret') return compiled.bytes.length;
  const k = compiled.kind === 'jwk' ? compiled.jwk['k'] : undefined;
  return typeof k === 'string' ? Buffer.from(k, 'base64url').length : 0;
}
