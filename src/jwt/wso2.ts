/**
 * What WSO2 writes where RFC 7515 says something else: standard Base64 for the parts, thumbprints of thumbprints,
 * and a key id made of the certificate's subject and serial number. Beside it the RFC forms of the same things.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import type { AssertionPolicy } from '../core/assertion.ts';

export type PartEncoder = (bytes: Buffer) => string;

/** How the three parts are written. App Manager pads, API Manager does not, and base64url never does (RFC 7515 §2). */
export function partEncoder({
  profile,
  encoding,
}: Pick<AssertionPolicy, 'profile' | 'encoding'>): PartEncoder {
  if (encoding === 'base64url') return (bytes) => bytes.toString('base64url');
  if (profile === 'wso2-apim') return (bytes) => withoutPadding(bytes.toString('base64'));
  return (bytes) => bytes.toString('base64');
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, '');
}

/** SHA-1 and SHA-256 over the DER form of a certificate. */
export interface CertificateDigests {
  readonly sha1: Uint8Array;
  readonly sha256: Uint8Array;
}

/** The thumbprint header and its value: RFC 7515 §4.1.7, §4.1.8, or WSO2's Base64 of the hexadecimal digits. */
export function thumbprintHeader(
  form: Exclude<AssertionPolicy['x5t'], 'none'>,
  digests: CertificateDigests,
): readonly [name: string, value: string] {
  const hex = Buffer.from(digests.sha1).toString('hex');
  switch (form) {
    case 'sha1':
      return ['x5t', Buffer.from(digests.sha1).toString('base64url')];
    case 'sha256':
      return ['x5t#S256', Buffer.from(digests.sha256).toString('base64url')];
    case 'wso2-hex':
      return ['x5t', Buffer.from(hex).toString('base64')];
    case 'wso2-hex-upper':
      return ['x5t', Buffer.from(hex.toUpperCase()).toString('base64')];
  }
}

/** What headers say about a certificate, worked out once per key. */
export interface CertificateNames extends CertificateDigests {
  /** API Manager's `kid`: Base64 without padding of `<subject>#<serial number in decimal>`. */
  readonly wso2Kid: string;
}

export function certificateNames(certificate: X509Certificate): CertificateNames {
  const serial = BigInt(`0x${certificate.serialNumber}`);
  return {
    sha1: createHash('sha1').update(certificate.raw).digest(),
    sha256: createHash('sha256').update(certificate.raw).digest(),
    wso2Kid: withoutPadding(Buffer.from(`${javaName(certificate.subject)}#${serial}`).toString('base64')),
  };
}

/** Java's spelling of attribute types that OpenSSL writes differently. */
const JAVA_ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['emailAddress', 'EMAILADDRESS'],
  ['serialNumber', 'SERIALNUMBER'],
  ['street', 'STREET'],
  ['title', 'T'],
  ['SN', 'SURNAME'],
  ['GN', 'GIVENNAME'],
]);

/** A subject as Java's X500Name prints it: last attribute first, `, ` between them. Node gives one a line, first first. */
export function javaName(subject: string): string {
  return subject.split('\n').reverse().map(javaAttribute).join(', ');
}

function javaAttribute(line: string): string {
  const equals = line.indexOf('=');
  const type = line.slice(0, equals);
  const value = line.slice(equals + 1);
  return `${JAVA_ATTRIBUTES.get(type) ?? type}=${value.includes('\\') ? quoted(value) : value}`;
}

/** OpenSSL escapes special characters with a backslash (RFC 2253 §2.4), Java puts the value into quotes (RFC 1779 §2.3). */
function quoted(value: string): string {
  const plain = value.replace(/\\(.)/g, '$1');
  return `"${plain.replace(/["\\]/g, '\\$&')}"`;
}
