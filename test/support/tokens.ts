/** Tokens made by hand with node:crypto, so that tests do not lean on the code they test. */
import {
  constants,
  createHmac,
  createPrivateKey,
  sign as cryptoSign,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

export type Sign = (signingInput: string) => Buffer;

export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Public JWK with kid, alg and use. */
  readonly jwk: Record<string, unknown>;
  readonly sign: Sign;
}

export function base64url(value: string | Uint8Array | object): string {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return Buffer.from(value).toString('base64url');
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A compact JWS. Header and payload may be given as text, to write what JSON.stringify would not. */
export function compact(header: object | string, payload: object | string, sign: Sign): string {
  const signingInput = `${base64url(header)}.${base64url(payload)}`;
  return `${signingInput}.${sign(signingInput).toString('base64url')}`;
}

export function hmac(secret: string | Uint8Array, hash = 'sha256'): Sign {
  return (signingInput) => createHmac(hash, secret).update(signingInput).digest();
}

/** HS256 token with header {"alg":"HS256","typ":"JWT"}. */
export function hs256(secret: string | Uint8Array, payload: object, header: object = {}): string {
  return compact({ alg: 'HS256', typ: 'JWT', ...header }, payload, hmac(secret));
}

const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A fresh key pair. RSA keys take a while: make them once per file. */
export function testKey(alg: string, kid = `kid-${alg}`): TestKey {
  const { privateKey, publicKey } = generate(alg);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return { alg, kid, privateKey, publicKey, jwk, sign: signer(alg, privateKey) };
}

function generate(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  const namedCurve = CURVES[alg];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export function signer(alg: string, privateKey: KeyObject | string): Sign {
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey;
  if (alg === 'EdDSA') return (signingInput) => cryptoSign(null, Buffer.from(signingInput), key);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('ES')) {
    return (signingInput) => cryptoSign(hash, Buffer.from(signingInput), { key, dsaEncoding: 'ieee-p1363' });
  }
  const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  return (signingInput) =>
    cryptoSign(hash, Buffer.from(signingInput), {
      key,
      padding,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
}

/** A token signed by the key, header {alg, typ: JWT, kid}. */
export function signed(key: TestKey, payload: object, header: object = {}): string {
  return compact({ alg: key.alg, typ: 'JWT', kid: key.kid, ...header }, payload, key.sign);
}

export function decodePart(token: string, index: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString('utf8'));
}
