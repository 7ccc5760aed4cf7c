/**
 * Row J24, by structure: secrets are compared by timingSafeEqual over digests of one length, or looked up by a digest.
 * A measurement would be noise on a machine that others use; which function compares is not.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { splitCompact } from '../../src/jwt/envelope.ts';
import { readRepositoryFile, sourceFiles, withoutComments } from '../support/sources.ts';
import { hs256 } from '../support/tokens.ts';

const compared = vi.hoisted(() => vi.fn<(one: Uint8Array, other: Uint8Array) => void>());
vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:crypto')>();
  const timingSafeEqual = (one: Uint8Array, other: Uint8Array) => {
    compared(one, other);
    return original.timingSafeEqual(one, other);
  };
  return { ...original, timingSafeEqual };
});
const { verifySignature } = await import('../../src/jwt/signature.ts');
const { createSecretKey } = await import('node:crypto');

afterEach(() => compared.mockClear());

const SECRET = randomBytes(32);
const KEY = createSecretKey(SECRET);
const GOOD = hs256(SECRET, { iss: 'x' });
const SIGNATURE_BYTES = 32;

/** The token with its signature's byte at this place changed. */
function wrongAt(index: number): string {
  const [header, payload, signature = ''] = GOOD.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

describe('an HMAC signature', () => {
  it.each([
    ['right', GOOD, true],
    ['wrong in its first byte', wrongAt(0), false],
    ['wrong in its last byte', wrongAt(SIGNATURE_BYTES - 1), false],
    ['of another secret', hs256(randomBytes(32), { iss: 'x' }), false],
  ])('that is %s is compared whole, once, in constant time (J24)', async (_what, token, isGenuine) => {
    const jws = splitCompact(token);
    expect(await verifySignature(jws, KEY, 'HS256')).toBe(isGenuine);
    expect(compared).toHaveBeenCalledOnce();
    expect(compared.mock.calls[0]?.map(({ length }) => length)).toEqual([SIGNATURE_BYTES, SIGNATURE_BYTES]);
  });
});

/** `===` on what is a secret, or was made of one. Comparisons with literals look whether it is there at all. */
const SECRET_NAME =
  '(?:\\w*[sS]ignature|\\w*[sS]ecret|\\w*[pP]assword|\\w*[aA]piKey|\\w*[hH]mac|mac|\\w*[dD]igest|\\w*[hH]ash)';
const LITERAL = '(?!undefined|null|\'\'|""|typeof|true|false|\\d)';
const CARELESS = new RegExp(
  `\\b${SECRET_NAME}(?:\\([^()]*\\))?\\s*[!=]==?\\s*${LITERAL}\\w|\\w[)\\]]?\\s*[!=]==?\\s*(?:\\w+\\.)*${SECRET_NAME}\\b(?!\\.length)`,
);

describe('src/', () => {
  it.each([
    'if (hmac(key, text) === given) return true;',
    "return createHmac('sha256', key).update(text).digest('hex') === signature;",
    'if (password !== stored.password) throw new Error();',
    'const found = keys.find((key) => key.secret === given);',
    'return apiKey == expected;',
    'if (row.tokenHash === given) return row;',
  ])('would be caught comparing carelessly: %s (J24)', (planted) => expect(planted).toMatch(CARELESS));

  it.each([
    "if (secret === '') return null;",
    'if (signature.length !== signatureBytes(algorithm, key)) return false;',
    'const isGiven = password !== undefined;',
    'return timingSafeEqual(hmac(a, b), signature);',
  ])('may say %s (J24)', (text) => expect(text).not.toMatch(CARELESS));

  it('compares no secret with === (J24)', () => {
    const careless = sourceFiles().flatMap(({ path, text }) =>
      withoutComments(text)
        .split('\n')
        .filter((line) => CARELESS.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(careless).toEqual([]);
  });

  it('compares signatures in one place (J24)', () => {
    expect(readRepositoryFile('src/jwt/signature.ts')).toContain('timingSafeEqual(');
  });
});
