/** The headers of genuine tokens: an issuer writes the same one on all that it signs with a key, so it is read once. */
import type { Envelope, HeaderLookup, ProtectedHeader } from './envelope.ts';

/** A realm has one or two kids at a time. */
const HEADERS_MAX = 100;
/** Of the encoded form. The usual one, with `alg`, `typ` and `kid`, has some 100. */
const CHARACTERS_MAX = 1024;

export class KnownHeaders implements HeaderLookup {
  readonly #headers = new Map<string, ProtectedHeader>();

  get(encodedHeader: string): ProtectedHeader | undefined {
    return this.#headers.get(encodedHeader);
  }

  /** For tokens that were accepted: what a stranger can make up takes no room. The oldest one goes first. */
  remember({ jws: { protected: encodedHeader }, algorithm, kid, type }: Envelope): void {
    if (encodedHeader.length > CHARACTERS_MAX || this.#headers.has(encodedHeader)) return;
    // A copy: a part of a string keeps the whole of it, here a token, in memory.
    const text = Buffer.from(encodedHeader, 'latin1').toString('latin1');
    this.#headers.set(text, { algorithm, kid, type });
    const [oldest] = this.#headers.keys();
    if (this.#headers.size > HEADERS_MAX && oldest !== undefined) this.#headers.delete(oldest);
  }
}
