/** X.509 certificates (RFC 5280) made in the test, so that no key lies in the repository. */
import { sign, X509Certificate } from 'node:crypto';
import type { TestKey } from './tokens.ts';

const TEST_NAME = 'countersign test';

/** PEM certificate of the key for `localhost`, 127.0.0.1 and ::1, good from 2020 to 2049. Takes P-256 and RSA keys. */
export function selfSignedCertificate(key: TestKey): string {
  return certificate(key, { key, name: TEST_NAME }, {});
}

/** Who signs, and the name in its own certificate. */
export interface Issuer {
  readonly key: TestKey;
  readonly name: string;
}

export interface CertificateOptions {
  /** Common name; not what a client compares. */
  readonly name?: string;
  /** True: it may sign others. */
  readonly isAuthority?: boolean;
  /** Last year of its life; 2049 unless told. */
  readonly lastYear?: number;
}

/** PEM certificate of the key, signed by the issuer, for `localhost`, 127.0.0.1 and ::1, good from 2020 on. */
export function certificate(key: TestKey, issuer: Issuer, options: CertificateOptions): string {
  const { name = TEST_NAME, isAuthority = false, lastYear = 2049 } = options;
  const algorithm = sequence(SIGNATURE_OID[issuer.key.publicKey.asymmetricKeyType ?? ''] ?? Buffer.alloc(0));
  const notAfter = Buffer.from(`${String(lastYear % 100).padStart(2, '0')}1231235959Z`);
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from([1])), // serial number
    algorithm,
    commonName(issuer.name),
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, notAfter)),
    commonName(name),
    key.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(ALT_NAME_OID, der(0x04, ALT_NAMES)), ...(isAuthority ? [AUTHORITY] : []))),
  );
  const signature = sign('sha256', toBeSigned, issuer.key.privateKey);
  const raw = sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature));
  return new X509Certificate(raw).toString();
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME_OID, der(0x0c, Buffer.from(name)))));
}

/** The DER of the certificate as `x5c` holds it (RFC 7517 §4.7). */
export function x5cOf(pem: string): string {
  return new X509Certificate(pem).raw.toString('base64');
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

const SIGNATURE_OID: Record<string, Buffer> = {
  ec: Buffer.from('06082a8648ce3d040302', 'hex'), // ecdsa-with-SHA256
  rsa: Buffer.from('06092a864886f70d01010b0500', 'hex'), // sha256WithRSAEncryption, NULL
};
const COMMON_NAME_OID = Buffer.from('0603550403', 'hex');
const ALT_NAME_OID = Buffer.from('0603551d11', 'hex');
const ALT_NAMES = sequence(
  der(0x82, Buffer.from('localhost')),
  der(0x87, Buffer.from([127, 0, 0, 1])),
  der(0x87, Buffer.from('1'.padStart(32, '0'), 'hex')),
);
/** Basic constraints, critical: it is an authority. */
const AUTHORITY = sequence(
  Buffer.from('0603551d13', 'hex'),
  der(0x01, Buffer.from([0xff])),
  der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
);
