/** KnownHeaders: what is remembered, how much of it, and that a known header changes no verdict. */
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../../src/jwt/envelope.ts';
import { KnownHeaders } from '../../../src/jwt/known-headers.ts';
import { compact, hmac } from '../../support/tokens.ts';

const sign = hmac('s');
const tokenWith = (kid: string) => compact({ alg: 'HS256', kid, typ: 'JWT' }, { iss: 'i' }, sign);
const headerOf = (token: string) => token.split('.')[0] ?? '';

describe('KnownHeaders', () => {
  it('gives the same envelope for a header that is known and for one that is not', () => {
    const known = new KnownHeaders();
    const token = tokenWith('k1');
    const fresh = parseEnvelope(token, known);
    known.remember(fresh);
    expect(parseEnvelope(token, known)).toEqual(fresh);
    expect(fresh).toEqual(parseEnvelope(token));
  });

  it('J09 J10 leaves payload and signature of a token with a known header to the strict reading', () => {
    const known = new KnownHeaders();
    const token = tokenWith('k1');
    known.remember(parseEnvelope(token));
    const [header, payload = '', signature = ''] = token.split('.');
    const twice = Buffer.from('{"sub":"a","sub":"b"}').toString('base64url');
    for (const parts of [
      [header, twice, signature],
      [header, `${payload}=`, signature],
      [header, payload, `${signature}+`],
      [header, payload],
    ])
      expect(() => parseEnvelope(parts.join('.'), known)).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      );
  });

  it('J10 knows the one spelling only', () => {
    const known = new KnownHeaders();
    const token = tokenWith('k1');
    known.remember(parseEnvelope(token));
    expect(known.get(headerOf(token))).toMatchObject({ algorithm: 'HS256', kid: 'k1', type: 'JWT' });
    expect(known.get(`${headerOf(token)}=`)).toBeUndefined();
  });

  it('C06 keeps a hundred at most, the last ones', () => {
    const known = new KnownHeaders();
    const tokens = Array.from({ length: 150 }, (_, number) => tokenWith(`kid-${number}`));
    for (const token of tokens) known.remember(parseEnvelope(token));
    const kept = tokens.map((token) => known.get(headerOf(token)) !== undefined);
    expect(kept).toEqual(tokens.map((_, number) => number >= 50));
  });

  it('C06 keeps no header of unusual length', () => {
    const known = new KnownHeaders();
    const token = compact({ alg: 'HS256', x: 'x'.repeat(1000) }, { iss: 'i' }, sign);
    known.remember(parseEnvelope(token));
    expect(known.get(headerOf(token))).toBeUndefined();
  });
});
