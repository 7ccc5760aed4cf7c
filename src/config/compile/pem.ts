/** Whether PEM texts are what they should be. OpenSSL's own messages are not passed on: they may quote the file. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of the text, in order; null where there is none, or one that cannot be read. */
export function certificatesIn(pem: string): readonly X509Certificate[] | null {
  const blocks = pem.match(CERTIFICATE);
  if (blocks === null) return null;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

/** True where TLS can be spoken with the two: they belong together, and neither is too weak for OpenSSL. */
export function isPair(certificate: string, privateKey: string): boolean {
  try {
    createSecureContext({ cert: certificate, key: privateKey });
    return true;
  } catch {
    return false;
  }
}
