/** Attacks through the header: rows J01–J08 of the threat table. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusesAll, rigWith } from '../support/attacks.ts';
import { testRealm } from '../support/policy.ts';
import { base64url, compact, hmac, hs256, signed, testKey } from '../support/tokens.ts';
import { publicKey, secretKey } from '../support/verification-keys.ts';
import { fusionRig, goodClaims, goodToken, rigOf, SECRET } from '../support/verifier.ts';

const rsa = testKey('RS256');
const ec = testKey('ES256');

describe('J01 alg none and its disguises', () => {
  const disguises = ['none', 'None', 'NONE', 'nOnE', '', 'none ', ' none', null, 1, ['RS256'], ['none'], {}];

  it.each(disguises)('J01 refuses alg %j with any signature', async (alg) => {
    const rig = rigWith(rsa);
    const genuine = signed(rsa, goodClaims(rig.clock));
    const input = `${base64url({ alg, kid: rsa.kid })}.${base64url(goodClaims(rig.clock))}`;
    await refusesAll(rig, [input, `${input}.`, `${input}.AAAA`, `${input}.${genuine.split('.')[2]}`]);
  });

  it('J01 refuses a header without alg', async () => {
    const rig = rigWith(rsa);
    const genuine = signed(rsa, goodClaims(rig.clock)).split('.');
    await refusesAll(rig, [genuine.with(0, base64url({ kid: rsa.kid })).join('.')]);
  });

  it('J01 refuses a genuine algorithm with an empty signature', async () => {
    for (const rig of [rigWith(rsa), rigWith(ec), fusionRig()]) {
      const genuine = [
        signed(rsa, goodClaims(rig.clock)),
        signed(ec, goodClaims(rig.clock)),
        goodToken(rig.clock),
      ];
      await refusesAll(
        rig,
        genuine.map((token) => token.split('.').with(2, '').join('.')),
      );
    }
  });
});

describe('J02 J04 a public key taken for a secret', () => {
  const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secrets: [string, string | Buffer][] = [
    ['SPKI PEM', spki],
    ['SPKI PEM, CRLF', spki.replaceAll('\n', '\r\n')],
    ['SPKI PEM, no trailing newline', spki.trimEnd()],
    ['SPKI PEM after a space', ` ${spki}`],
    ['SPKI PEM after a newline', `\n${spki}`],
    ['PKCS#1 PEM', rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['SPKI DER', rsa.publicKey.export({ type: 'spki', format: 'der' })],
    ['PKCS#1 DER', rsa.publicKey.export({ type: 'pkcs1', format: 'der' })],
    ['JWK', JSON.stringify(rsa.publicKey.export({ format: 'jwk' }))],
    ['nothing', ''],
    ['32 NUL bytes', Buffer.alloc(32)],
  ];

  it.each(secrets)('J02 refuses HS256 keyed with %s', async (_name, secret) => {
    const rig = rigWith(rsa);
    expect(await rig.verdict(hs256(secret, goodClaims(rig.clock), { kid: rsa.kid }))).toBe('alg_not_allowed');
  });

  it.each(secrets)(
    'J04 refuses HS256 keyed with %s where the realm allows HS256 too',
    async (_name, secret) => {
      const realm = testRealm({ algorithms: ['RS256', 'HS256'] });
      const rig = rigOf([
        { realm, signingKeys: [publicKey(rsa), secretKey(SECRET, { kid: 'hs' })], keySet: null },
      ]);
      expect(await rig.verdict(hs256(secret, goodClaims(rig.clock), { kid: rsa.kid }))).toBe(
        'alg_not_allowed',
      );
      expect(await rig.verdict(hs256(secret, goodClaims(rig.clock)))).toBe('bad_signature');
    },
  );
});

describe('J03 an algorithm that the key does not serve', () => {
  it.each(['RS384', 'RS512', 'PS256'])('J03 refuses %s by an RS256 key', async (alg) => {
    const rig = rigWith(rsa);
    const token = signed({ ...testKey(alg), kid: rsa.kid }, goodClaims(rig.clock));
    const sameKey = compact({ alg, kid: rsa.kid }, goodClaims(rig.clock), rsa.sign);
    expect([await rig.verdict(token), await rig.verdict(sameKey)]).toEqual(Array(2).fill('alg_not_allowed'));
  });

  it('J03 refuses ES384 in the header of an ES256 signature', async () => {
    const rig = rigWith(ec, { algorithms: ['ES256', 'ES384'] });
    expect(await rig.verdict(signed(ec, goodClaims(rig.clock), { alg: 'ES384' }))).toBe('alg_not_allowed');
  });
});

describe('J05 kid as a weapon', () => {
  it.each([
    '../../../../dev/null',
    '/proc/self/environ',
    "' UNION SELECT 'key' --",
    '$(id)',
    '__proto__',
    'constructor',
    'toString',
    'kid-RS256\u0000',
    'kid‐RS256',
    'KID-RS256',
    '',
    'k'.repeat(5000),
    7,
    {},
    ['kid-RS256'],
    null,
  ])('J05 refuses kid %j', async (kid) => {
    await refusesAll(rigWith(rsa), [signed(rsa, goodClaims(rigWith(rsa).clock), { kid })]);
  });
});

describe('J06 keys that the token brings along', () => {
  let connections = 0;
  const listener = createServer((_request, response) => response.end('{"keys":[]}'));
  listener.on('connection', () => {
    connections += 1;
  });
  beforeAll(() => new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void listener.close());

  it.each(['jku', 'x5u', 'jwk', 'x5c'])('J06 refuses %s of an attacker and calls no one', async (name) => {
    const attacker = testKey('RS256', rsa.kid);
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/jwks`;
    const value = { jku: url, x5u: url, jwk: attacker.jwk, x5c: [base64url('certificate')] }[name];
    const rig = rigWith(rsa);
    const token = signed(attacker, goodClaims(rig.clock), { [name]: value });
    expect(await rig.verdict(token)).toBe('bad_signature');
    expect(connections).toBe(0);
  });

  it.each(['jku', 'x5u', 'jwk', 'x5c'])('J06 %s does not make a genuine token worse', async (name) => {
    const rig = rigWith(rsa);
    expect(await rig.verdict(signed(rsa, goodClaims(rig.clock), { [name]: 'http://evil.test/' }))).toBe(
      'accepted',
    );
  });
});

describe('J07 J08 headers that change the meaning of the rest', () => {
  it.each([[['x']], [[]], ['x'], [['alg']], [['exp']], [['x', 'x']], [['b64']], [null]])(
    'J07 refuses a genuine token with crit %j',
    async (crit) => {
      const rig = fusionRig();
      expect(await rig.verdict(goodToken(rig.clock, {}, { crit, x: 1, exp: 1 }))).toBe('malformed');
    },
  );

  it('J08 refuses b64 with and without crit, encoded or not', async () => {
    const rig = fusionRig();
    const claims = goodClaims(rig.clock);
    const raw = (header: object) => {
      const input = `${base64url(header)}.${JSON.stringify(claims)}`;
      return `${input}.${hmac(SECRET)(input).toString('base64url')}`;
    };
    await refusesAll(rig, [
      goodToken(rig.clock, {}, { b64: false }),
      goodToken(rig.clock, {}, { b64: true }),
      goodToken(rig.clock, {}, { b64: false, crit: ['b64'] }),
      raw({ alg: 'HS256', b64: false, crit: ['b64'] }),
      raw({ alg: 'HS256', b64: false }),
      raw({ alg: 'HS256' }),
    ]);
  });
});
