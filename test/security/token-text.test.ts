/** Attacks through text, encoding and signature: rows J09–J13 and J18–J21 of the threat table. */
import { constants, generateKeyPairSync, type KeyObject, publicEncrypt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { refusesAll, rigWith } from '../support/attacks.ts';
import { base64url, compact, hmac, signed, signer, testKey } from '../support/tokens.ts';
import { fusionRig, goodClaims, goodToken, type Rig, SECRET } from '../support/verifier.ts';

const rsa = testKey('RS256');
const ec = testKey('ES256');

describe('J09 members twice', () => {
  it.each([
    '{"alg":"none","alg":"HS256"}',
    '{"alg":"HS256","alg":"none"}',
    '{"alg":"HS256","kid":"a","kid":"b"}',
    '{"alg":"HS256","\\u0061lg":"HS256"}',
  ])('J09 refuses header %s', async (header) => {
    const rig = fusionRig();
    expect(await rig.verdict(compact(header, goodClaims(rig.clock), hmac(SECRET)))).toBe('malformed');
  });

  it.each(['"sub":"admin"', '"exp":9999999999', '"\\u0073ub":"admin"', '"iss":"fusion"'])(
    'J09 refuses a signed payload with %s a second time',
    async (member) => {
      const rig = fusionRig();
      const claims = JSON.stringify(goodClaims(rig.clock));
      for (const payload of [`{${member},${claims.slice(1)}`, `${claims.slice(0, -1)},${member}}`])
        expect(await rig.verdict(compact({ alg: 'HS256' }, payload, hmac(SECRET)))).toBe('malformed');
    },
  );
});

describe('J10 J11 one token, one text', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  it.each([
    ['RS256', rsa],
    ['ES256', ec],
  ])('J11 refuses every other last character of an %s token', async (_alg, key) => {
    const rig = rigWith(key);
    const genuine = signed(key, goodClaims(rig.clock));
    expect(await rig.verdict(genuine)).toBe('accepted');
    const others = [...alphabet]
      .map((last) => `${genuine.slice(0, -1)}${last}`)
      .filter((one) => one !== genuine);
    await refusesAll(rig, others);
  });

  it('J10 refuses a verified token in another spelling', async () => {
    const rig = fusionRig();
    const genuine = goodToken(rig.clock);
    await rig.verify(genuine);
    const [header, payload, signature] = genuine.split('.');
    await refusesAll(rig, [
      `${genuine}=`,
      `${genuine}==`,
      `${genuine}\n`,
      ` ${genuine}`,
      `${genuine} `,
      `${genuine}.`,
      `.${genuine}`,
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}=.${signature}`,
      `${header}.${payload}\r\n.${signature}`,
      `${header}.${payload}#.${signature}`,
      `${header}..${payload}.${signature}`,
      `${header}.${payload}`,
    ]);
  });

  it('J11 gives the (r, n−s) twin of an ES256 token another id', async () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const rig = rigWith(ec);
    const genuine = signed(ec, goodClaims(rig.clock));
    const [header, payload, signature = ''] = genuine.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const twinS = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
    const twin = `${header}.${payload}.${base64url(Buffer.concat([bytes.subarray(0, 32), twinS]))}`;
    const [first, second] = [await rig.verify(genuine), await rig.verify(twin)];
    // Both are signatures of the issuer: what is revoked must be named by iss and jti, never by the text.
    expect(second.principal).toEqual(first.principal);
    expect(second.id).not.toBe(first.id);
  });
});

describe('J12 size', () => {
  const sized = (rig: Rig, characters: number) => {
    const [bare = ''] = [goodToken(rig.clock, { pad: '' })];
    const pad = 'x'.repeat(Math.floor(((characters - bare.length) * 3) / 4) - 2);
    return goodToken(rig.clock, { pad });
  };

  it('J12 accepts a genuine token just under 16 KiB and answers 431 above', async () => {
    const rig = fusionRig();
    const fitting = sized(rig, 16 * 1024);
    const over = sized(rig, 16 * 1024 + 40);
    expect(fitting.length).toBeLessThanOrEqual(16 * 1024);
    expect(fitting.length).toBeGreaterThan(16 * 1024 - 8);
    expect([await rig.verdict(fitting), await rig.verdict(over)]).toEqual(['accepted', 'headers_too_large']);
    expect(await rig.verdict(`${over}${'.'.repeat(64 * 1024)}`)).toBe('headers_too_large');
  });
});

describe('J13 payloads', () => {
  const claimsText = (rig: Rig, member: string) =>
    `${JSON.stringify(goodClaims(rig.clock)).slice(0, -1)},${member}}`;

  it.each([
    ['nesting 33 deep', `"x":${'['.repeat(32)}${']'.repeat(32)}`],
    ['nesting 4000 deep', `"x":${'['.repeat(4000)}${']'.repeat(4000)}`],
    ['1e400', '"x":1e400'],
    ['a 20 digit integer', '"x":12345678901234567890'],
    ['a lone surrogate', '"x":"\\ud800"'],
  ])('J13 refuses a signed payload with %s', async (_case, member) => {
    const rig = fusionRig();
    expect(await rig.verdict(compact({ alg: 'HS256' }, claimsText(rig, member), hmac(SECRET)))).toBe(
      'malformed',
    );
  });

  it.each([
    ['nesting 32 deep', `"x":${'['.repeat(31)}${']'.repeat(31)}`],
    ['minus zero', '"x":-0'],
    ['a surrogate pair', '"x":"\\ud83d\\ude00"'],
  ])('J13 accepts a signed payload with %s', async (_case, member) => {
    const rig = fusionRig();
    expect(await rig.verdict(compact({ alg: 'HS256' }, claimsText(rig, member), hmac(SECRET)))).toBe(
      'accepted',
    );
  });

  it('J13 refuses UTF-16 and a byte order mark, signed', async () => {
    const rig = fusionRig();
    const text = JSON.stringify(goodClaims(rig.clock));
    const encodings = [Buffer.from(text, 'utf16le'), Buffer.from(`\ufeff${text}`, 'utf8')];
    for (const payload of encodings) {
      const input = `${base64url({ alg: 'HS256' })}.${base64url(payload)}`;
      expect(await rig.verdict(`${input}.${base64url(hmac(SECRET)(input))}`)).toBe('malformed');
    }
  });
});

describe('J18 encrypted tokens', () => {
  it('J18 refuses JWE headers and shapes before any key is used', async () => {
    const rig = fusionRig();
    const claims = base64url(goodClaims(rig.clock));
    const jwe = (header: object) => `${base64url(header)}.${claims}.AAAA.${claims}.AAAA`;
    await refusesAll(rig, [
      jwe({ alg: 'RSA-OAEP', enc: 'A256GCM' }),
      jwe({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2 ** 31, p2s: 'AAAA' }),
      jwe({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' }),
      goodToken(rig.clock, {}, { enc: 'A256GCM' }),
      goodToken(rig.clock, {}, { zip: 'DEF' }),
    ]);
    const nested = compact({ alg: 'HS256', cty: 'JWT' }, goodToken(rig.clock), hmac(SECRET));
    expect(await rig.verdict(nested)).toBe('malformed');
  });
});

describe('J19 ECDSA forgeries', () => {
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const zero = Buffer.alloc(32);
  const genuineBytes = (token: string) => Buffer.from(token.split('.')[2] ?? '', 'base64url');

  it('J19 refuses r and s out of range, DER, and wrong lengths', async () => {
    const rig = rigWith(ec);
    const genuine = signed(ec, goodClaims(rig.clock));
    const bytes = genuineBytes(genuine);
    const [r, s] = [bytes.subarray(0, 32), bytes.subarray(32)];
    const forgeries = [
      Buffer.concat([zero, zero]),
      Buffer.concat([zero, s]),
      Buffer.concat([r, zero]),
      Buffer.concat([order, s]),
      Buffer.concat([r, order]),
      Buffer.alloc(64, 0xff),
      bytes.subarray(1),
      bytes.subarray(0, 63),
      Buffer.concat([bytes, Buffer.from([0])]),
      Buffer.concat([Buffer.from([0]), bytes]),
      Buffer.concat([Buffer.from([0x30, 0x44, 2, 32]), r, Buffer.from([2, 32]), s]),
    ];
    for (const forgery of forgeries)
      expect(await rig.verdict(genuine.split('.').with(2, base64url(forgery)).join('.'))).toBe(
        'bad_signature',
      );
  });
});

describe('J20 RSA forgeries', () => {
  const raise = (key: KeyObject, block: Buffer) =>
    publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);

  it('J20 refuses n, s + n, other lengths, and what raising a number gives', async () => {
    const rig = rigWith(rsa);
    const genuine = signed(rsa, goodClaims(rig.clock));
    const bytes = Buffer.from(genuine.split('.')[2] ?? '', 'base64url');
    const modulus = Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    const sum = BigInt(`0x${bytes.toString('hex')}`) + BigInt(`0x${modulus.toString('hex')}`);
    const sumHex = sum.toString(16);
    const forgeries = [
      modulus,
      Buffer.from(sumHex.padStart(sumHex.length + (sumHex.length % 2), '0'), 'hex'),
      bytes.subarray(1),
      bytes.subarray(0, -1),
      Buffer.concat([Buffer.from([0]), bytes]),
      Buffer.concat([bytes, Buffer.from([0])]),
      Buffer.alloc(256),
      Buffer.alloc(256, 1),
      raise(rsa.publicKey, Buffer.alloc(256, 1)),
    ];
    for (const forgery of forgeries)
      expect(await rig.verdict(genuine.split('.').with(2, base64url(forgery)).join('.'))).toBe(
        'bad_signature',
      );
  });

  it('J20 refuses a genuine signature by another key of the same size', async () => {
    const rig = rigWith(rsa);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stranger = { ...rsa, sign: signer('RS256', privateKey) };
    expect(await rig.verdict(signed(stranger, goodClaims(rig.clock)))).toBe('bad_signature');
  });
});

describe('J21 what is no compact JWS', () => {
  it('J21 refuses JSON serialization, quotes, schemes and form encoding', async () => {
    const rig = fusionRig();
    const genuine = goodToken(rig.clock);
    const [header, payload, signature] = genuine.split('.');
    await refusesAll(rig, [
      JSON.stringify({ payload, protected: header, signature }),
      JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
      `{"x":"${genuine}"}`,
      `"${genuine}"`,
      `Bearer ${genuine}`,
      `token=${genuine}`,
      `${genuine},${genuine}`,
      encodeURIComponent(`${genuine} `),
    ]);
  });
});
