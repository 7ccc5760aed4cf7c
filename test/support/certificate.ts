/** Self-signed X.509 certificates (RFC 5280) made in the test, so that no key lies in the repository. */
import { sign, X509Certificate } from 'node:crypto';
import type { TestKey } from './tokens.ts';

/** PEM certificate of the key for `localhost` and 127.0.0.1, good from 2020 to 2049. Takes P-256 and RSA keys. */
export function selfSignedCertificate(key: TestKey): string {
  const algorithm = sequence(SIGNATURE_OID[key.publicKey.asymmetricKeyType ?? ''] ?? Buffer.alloc(0));
  const name = sequence(der(0x31, sequence(COMMON_NAME_OID, der(0x0c, Buffer.from('countersign test')))));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from([1])), // serial number
    algorithm,
    name,
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z'))),
    name,
    key.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(ALT_NAME_OID, der(0x04, ALT_NAMES)))),
  );
  const signature = sign('sha256', toBeSigned, key.privateKey);
  const raw = sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature));
  return new X509Certificate(raw).toString();
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
const ALT_NAMES = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
