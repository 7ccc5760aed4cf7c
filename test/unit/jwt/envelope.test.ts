/** The strict compact JWS. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { parseEnvelope } from '../../../src/jwt/envelope.ts';
import { refusalOf } from '../../support/policy.ts';
import { base64url, compact, hmac } from '../../support/tokens.ts';

const sign = hmac('secret');
const token = compact({ alg: 'HS256', kid: 'k1', typ: 'JWT' }, { sub: 'a' }, sign);
const verdict = (text: string) => refusalOf(() => parseEnvelope(text)) ?? 'accepted';
const withHeader = (header: object | string) => verdict(compact(header, {}, sign));

describe('parseEnvelope', () => {
  it('gives header, claims, what is signed and the signature', () => {
    const [header = '', payload, signature = ''] = token.split('.');
    expect(parseEnvelope(token)).toEqual({
      algorithm: 'HS256',
      kid: 'k1',
      type: 'JWT',
      claims: { sub: 'a' },
      jws: {
        protected: header,
        signingInput: `${header}.${payload}`,
        signature: Buffer.from(signature, 'base64url'),
      },
    });
  });

  it('gives null for an absent kid and typ', () => {
    expect(parseEnvelope(compact({ alg: 'HS256' }, {}, sign))).toMatchObject({ kid: null, type: null });
  });

  it('leaves an empty signature to the verifier', () => {
    expect(parseEnvelope(`${base64url({ alg: 'none' })}.e30.`).jws.signature).toHaveLength(0);
  });

  it.each([
    ['no part', ''],
    ['one part', 'e30'],
    ['2 parts', 'e30.e30'],
    ['4 parts', `${token}.`],
    ['5 parts, a JWE', `${token}.e30.e30`],
    ['an empty header', `.e30.AAAA`],
    ['an empty payload', `${base64url({ alg: 'HS256' })}..AAAA`],
  ])('FJR-S07 J10 J18 refuses %s', (_case, text) => {
    expect(verdict(text)).toBe('malformed');
  });

  it.each([0, 1, 2])('FJR-S07 J10 refuses every other spelling of part %i', (index) => {
    const spellings = (part: string) => [
      `${part}=`,
      `${part}==`,
      `${part.slice(0, 4)}\n${part.slice(4)}`,
      `${part.slice(0, 4)} ${part.slice(4)}`,
      `${part.slice(0, 4)}\t${part.slice(4)}`,
      `${part}!`,
      `#${part}`,
      part + 'A'.repeat((1 - part.length) & 3 || 4),
    ];
    const parts = token.split('.');
    for (const spelling of spellings(parts[index] ?? ''))
      expect(verdict(parts.with(index, spelling).join('.'))).toBe('malformed');
  });

  it('J10 refuses + and / for - and _', () => {
    const unsafe = compact({ alg: 'HS256' }, { a: '>>>???' }, sign);
    const payload = unsafe.split('.')[1] ?? '';
    expect(payload).toMatch(/[-_]/);
    expect(verdict(unsafe)).toBe('accepted');
    expect(verdict(unsafe.replace(payload, payload.replaceAll('-', '+').replaceAll('_', '/')))).toBe(
      'malformed',
    );
  });

  it.each([1, 2])('J10 refuses trailing bits after %i byte(s)', (bytes) => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const canonical = Buffer.alloc(bytes).toString('base64url');
    const [header, payload] = token.split('.');
    const accepted = [...alphabet]
      .map((last) => `${header}.${payload}.${canonical.slice(0, -1)}${last}`)
      .filter((text) => verdict(text) === 'accepted');
    expect(accepted.length).toBe(bytes === 1 ? 4 : 16);
  });

  it('J12 accepts 16 KiB and refuses one character more', () => {
    const rest = base64url({ alg: 'HS256' }).length + '..'.length + 2;
    const payload = (characters: number) => {
      const fixed = '{"a":""}'.length;
      return base64url({ a: 'x'.repeat(Math.floor((characters * 3) / 4) - fixed) });
    };
    const text = (characters: number) => `${base64url({ alg: 'HS256' })}.${payload(characters - rest)}.AA`;
    const full = text(16 * 1024);
    const signatureRoom = 16 * 1024 - full.length;
    expect(signatureRoom).toBeLessThan(4);
    expect(verdict(full)).toBe('accepted');
    expect(verdict('x'.repeat(16 * 1024))).toBe('malformed');
    expect(verdict('x'.repeat(16 * 1024 + 1))).toBe('headers_too_large');
  });

  it.each([
    ['alg missing', {}],
    ['alg empty', { alg: '' }],
    ['alg null', { alg: null }],
    ['alg a number', { alg: 1 }],
    ['alg a list', { alg: ['RS256'] }],
    ['alg only in the prototype', '{"__proto__":{"alg":"HS256"}}'],
    ['kid empty', { alg: 'HS256', kid: '' }],
    ['kid null', { alg: 'HS256', kid: null }],
    ['kid a number', { alg: 'HS256', kid: 7 }],
    ['kid an object', { alg: 'HS256', kid: {} }],
    ['kid a list', { alg: 'HS256', kid: ['k1'] }],
    ['kid of 257 characters', { alg: 'HS256', kid: 'k'.repeat(257) }],
    ['typ a number', { alg: 'HS256', typ: 1 }],
    ['typ null', { alg: 'HS256', typ: null }],
    ['a list', []],
    ['a string', '"HS256"'],
    ['null', 'null'],
  ])('J01 J05 refuses a header that is %s', (_case, header) => {
    expect(withHeader(header)).toBe('malformed');
  });

  it.each(['crit', 'b64', 'zip', 'enc'])('J07 J08 J18 refuses %s whatever its value', (name) => {
    for (const value of [null, true, false, '', 'DEF', [], ['exp'], ['b64'], ['x', 'x'], {}])
      expect(withHeader({ alg: 'HS256', [name]: value })).toBe('malformed');
  });

  it.each(['jku', 'x5u', 'jwk', 'x5c', 'x5t', 'cty'])('J06 does not read %s', (name) => {
    const envelope = parseEnvelope(compact({ alg: 'HS256', [name]: 'https://evil.test/' }, {}, sign));
    expect(JSON.stringify({ ...envelope, jws: null })).not.toContain('evil');
  });

  it.each([
    ['a list', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['a number', '1'],
    ['followed by text', '{}x'],
    ['after a byte order mark', '\ufeff{}'],
    ['with a member twice', '{"sub":"a","\\u0073ub":"b"}'],
  ])('J09 J13 refuses a payload that is %s', (_case, payload) => {
    expect(verdict(compact({ alg: 'HS256' }, payload, sign))).toBe('malformed');
  });

  it('J13 refuses a payload that is no UTF-8', () => {
    expect(verdict(`${base64url({ alg: 'HS256' })}.${base64url(Uint8Array.of(0x7b, 0xff, 0x7d))}.AAAA`)).toBe(
      'malformed',
    );
  });

  it('throws nothing but a CountersignError, and never quotes the token', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.uint8Array().map((bytes) => base64url(bytes)),
      fc.json().map((text) => base64url(text)),
      fc.constant(base64url({ alg: 'HS256' })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        try {
          parseEnvelope(parts.join('.'));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CountersignError);
          const { message } = thrown as CountersignError;
          for (const text of parts) expect(text.length > 8 && message.includes(text)).toBe(false);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('has one text for every token: what it accepts, the encoder writes', () => {
    const object = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(object, fc.uint8Array(), (claims, signature) => {
        const text = compact({ alg: 'HS256' }, claims, () => Buffer.from(signature));
        const { jws } = parseEnvelope(text);
        const parts = jws.signingInput.split('.').map((one) => Buffer.from(one, 'base64url'));
        expect([...parts, jws.signature].map((one) => base64url(Buffer.from(one))).join('.')).toBe(text);
      }),
    );
  });
});
