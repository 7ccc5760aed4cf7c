/** Which shared secrets may check signatures: long enough, not an example from a web page, and no public key. */
import { createPublicKey } from 'node:crypto';
import { type Algorithm, SECRET_BYTES_MIN } from '../core/realm.ts';
import { KeyPolicyError } from './jwk-policy.ts';

export const SECRET_ALGORITHMS: readonly Algorithm[] = [...SECRET_BYTES_MIN.keys()];

/** Long enough, but printed where every attacker looks first: the default secrets of jwt.io. */
const PUBLISHED_SECRETS: ReadonlySet<string> = new Set([
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
]);

/** `allowWeak` waives the length and the list, never the emptiness. @throws KeyPolicyError */
export function requireStrongSecret(
  bytes: Uint8Array,
  algorithms: readonly Algorithm[],
  allowWeak: boolean,
): void {
  if (bytes.length === 0) throw new KeyPolicyError('Secret is empty');
  if (allowWeak) return;
  for (const algorithm of algorithms) {
    const minBytes = SECRET_BYTES_MIN.get(algorithm) ?? Infinity;
    if (bytes.length < minBytes)
      throw new KeyPolicyError(
        `Secret has ${bytes.length} bytes, ${algorithm} needs ${minBytes} (RFC 7518 §3.2); ` +
          'set allowWeakSecret: true to use it nevertheless',
      );
  }
  if (PUBLISHED_SECRETS.has(Buffer.from(bytes).toString('utf8')))
    throw new KeyPolicyError(
      'Secret is a published example; set allowWeakSecret: true to use it nevertheless',
    );
}

/**
 * A public key used as a secret lets everybody sign (CVE-2015-9235, CVE-2023-48223; with white space in front of it:
 * CVE-2026-34950). So PEM anywhere in the text, JWKs, OpenSSH keys and DER are refused.
 *
 * @throws KeyPolicyError
 */
export function requireNoPublicKey(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  if (text.includes('-----BEGIN'))
    throw new KeyPolicyError('Secret is a PEM text: use pemFile for a public key');
  if (/^[\s\uFEFF]*\{.*"(?:kty|keys)"/s.test(text))
    throw new KeyPolicyError('Secret is a JWK: use jwk for a key in JSON');
  if (/^[\s\uFEFF]*(?:ssh-|ecdsa-sha2-)/.test(text) || isDerPublicKey(bytes))
    throw new KeyPolicyError('Secret is a public key: use pemFile for it');
}

function isDerPublicKey(bytes: Uint8Array): boolean {
  return (['spki', 'pkcs1'] as const).some((type) => {
    try {
      createPublicKey({ key: Buffer.from(bytes), format: 'der', type });
      return true;
    } catch {
      return false;
    }
  });
}
