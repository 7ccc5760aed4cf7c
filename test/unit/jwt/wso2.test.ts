import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateNames, javaName, partEncoder, thumbprintHeader } from '../../../src/jwt/wso2.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { testKey } from '../../support/tokens.ts';

/** SHA-1 of WSO2's demo certificate, from the acceptance row. */
const digests = {
  sha1: Buffer.from('6bf8e136eb36d4a56ea05c7ae4b9a45b63bf975d', 'hex'),
  sha256: Buffer.alloc(32, 0xfb),
};

describe('thumbprintHeader', () => {
  it.each([
    ['wso2-hex-upper', 'NkJGOEUxMzZFQjM2RDRBNTZFQTA1QzdBRTRCOUE0NUI2M0JGOTc1RA=='],
    ['wso2-hex', 'NmJmOGUxMzZlYjM2ZDRhNTZlYTA1YzdhZTRiOWE0NWI2M2JmOTc1ZA=='],
  ] as const)('AST-P39 writes form %s as WSO2 does', (form, value) => {
    expect(thumbprintHeader(form, digests)).toEqual(['x5t', value]);
  });

  it('AST-P40 writes form sha1 as RFC 7515 §4.1.7 does', () => {
    expect(thumbprintHeader('sha1', digests)).toEqual(['x5t', 'a_jhNus21KVuoFx65LmkW2O_l10']);
  });

  it('AST-P40 writes form sha256 under its own name', () => {
    expect(thumbprintHeader('sha256', digests)).toEqual(['x5t#S256', `${'-_v7'.repeat(10)}-_s`]);
  });
});

describe('partEncoder', () => {
  const bytes = Buffer.from([0xfb, 0xff, 0xfe, 0xfb]);

  it.each([
    ['standard', 'base64url', '-__--w'],
    ['standard', 'base64', '+//++w=='],
    ['wso2-appm', 'base64', '+//++w=='],
    ['wso2-apim', 'base64', '+//++w'],
    ['wso2-apim', 'base64url', '-__--w'],
  ] as const)('AST-S07 AST-P08 profile %s writes %s as %s', (profile, encoding, text) => {
    expect(partEncoder({ profile, encoding })(bytes)).toBe(text);
  });
});

describe('javaName', () => {
  it('prints a subject as Java does: last attribute first', () => {
    const subject = 'C=US\nST=CA\nL=Mountain View\nO=WSO2\nOU=WSO2\nCN=localhost';
    expect(javaName(subject)).toBe('CN=localhost, OU=WSO2, O=WSO2, L=Mountain View, ST=CA, C=US');
  });

  it('quotes values with special characters', () => {
    expect(javaName('O=Acme\\, \\"Inc\\"\nCN=x')).toBe('CN=x, O="Acme, \\"Inc\\""');
  });

  it('uses the names of Java for attribute types', () => {
    expect(javaName('emailAddress=a@b')).toBe('EMAILADDRESS=a@b');
  });
});

describe('certificateNames', () => {
  const certificate = new X509Certificate(selfSignedCertificate(testKey('ES256')));

  it('makes the kid of API Manager: subject and serial number, Base64 without padding', () => {
    const { wso2Kid } = certificateNames(certificate);
    expect(wso2Kid).not.toContain('=');
    expect(Buffer.from(wso2Kid, 'base64').toString()).toBe('CN=countersign test#1');
  });

  it('digests the DER form', () => {
    const hex = Buffer.from(certificateNames(certificate).sha1).toString('hex').toUpperCase();
    expect(hex).toBe(certificate.fingerprint.replaceAll(':', ''));
  });
});
