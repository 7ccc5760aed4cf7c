/** The keys and tokens of one run. Two issuers, RSA and EC, and the keys that sign assertions. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';

export type Family = 'RS256' | 'ES256';

/** Names of files, as peers are configured with them. */
export interface KeyFiles {
  /** PEM of the public key that callers' tokens verify with. */
  readonly issuerPublic: string;
  /** The same as a JWK set. */
  readonly jwks: string;
  /** PEM of the private key that signs assertions. */
  readonly assertionPrivate: string;
}

export interface Keys {
  readonly files: KeyFiles;
  readonly issuerPrivate: KeyObject;
  readonly assertionPublic: KeyObject;
}

export const ISSUER = 'https://issuer.bench';
export const ISSUER_KID = 'issuer-1';
export const ASSERTION_KID = 'assertion-1';

const RSA_BITS = 2048; // what identity providers use, and what countersign makes for itself

function pairOf(family: Family) {
  return family === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export async function makeKeys(folder: string, family: Family): Promise<Keys> {
  mkdirSync(folder, { recursive: true });
  const issuer = pairOf(family);
  const assertion = pairOf(family);
  const jwk = { ...(await exportJWK(issuer.publicKey)), kid: ISSUER_KID, alg: family, use: 'sig' };
  const write = (name: string, text: string) => {
    const path = join(folder, `${family}-${name}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const pem = (key: KeyObject, type: 'spki' | 'pkcs8') => key.export({ type, format: 'pem' }).toString();
  return {
    issuerPrivate: issuer.privateKey,
    assertionPublic: assertion.publicKey,
    files: {
      issuerPublic: write('issuer.pub.pem', pem(issuer.publicKey, 'spki')),
      jwks: write('jwks.json', JSON.stringify({ keys: [jwk] })),
      assertionPrivate: write('assertion.pem', pem(assertion.privateKey, 'pkcs8')),
    },
  };
}

const BATCH = 200; // tokens signed at a time on the thread pool

/** Distinct tokens, of users `user-0` and so on, good for a day. `kid`: what the header says. */
export async function makeTokens(
  { issuerPrivate }: Keys,
  family: Family,
  count: number,
  kid: (index: number) => string = () => ISSUER_KID,
): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - tokens.length) }, (_, index) => {
      const user = tokens.length + index;
      return tokenOf(user, family, kid(user)).sign(issuerPrivate);
    });
    tokens.push(...(await Promise.all(batch)));
  }
  return tokens;
}

function tokenOf(user: number, alg: Family, kid: string): SignJWT {
  return new SignJWT({
    groups: ['engineering', 'on-call'],
    scope: 'orders.read orders.write',
    email: `user-${user}@bench.example`,
    given_name: 'Ada',
    family_name: `Number ${user}`,
  })
    .setProtectedHeader({ alg, kid, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setSubject(`user-${user}`)
    .setIssuedAt()
    .setExpirationTime('1d');
}

/** The token with another signature of the same length. */
export function withBadSignature(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return [header, payload, [...signature].toReversed().join('').replace(/.$/, 'A')].join('.');
}
