/** What the assertion looks like on the wire: parts, encodings, algorithms, profiles, times. */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  acceptance,
  assertionFor,
  gatewayPerTest,
  PLACES,
  partText,
  t1,
  t1Claims,
  wso2,
} from '../support/acceptance.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { fakeClock } from '../support/clock.ts';
import { runCommand } from '../support/command-line.ts';
import type { TestGateway } from '../support/gateway.ts';
import { pemOf } from '../support/minting.ts';
import { testKey } from '../support/tokens.ts';

const start = gatewayPerTest();

function joseKeys({ url }: TestGateway): ReturnType<typeof createRemoteJWKSet> {
  return createRemoteJWKSet(new URL('/.well-known/jwks.json', url));
}

async function publishedPem({ url }: TestGateway): Promise<string> {
  return await (await fetch(`${url}/.well-known/jwks.pem`)).text();
}

/** The value with the lowest bit of the first payload byte's last character changed. */
function tampered(value: string): string {
  const [header = '', payload = '', signature] = value.split('.');
  const bytes = Buffer.from(payload, 'base64url');
  bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
  return [header, bytes.toString('base64url'), signature].join('.');
}

describe('the assertion', () => {
  it('has three parts, two JSON objects and a signature that jose verifies (AST-S06)', async () => {
    const gateway = await start();
    const { value, header, payload } = await assertionFor(gateway);
    expect(value.split('.')).toHaveLength(3);
    expect([header, payload].map((part) => typeof part)).toEqual(['object', 'object']);
    const verified = await jwtVerify(value, joseKeys(gateway), { issuer: 'countersign', audience: 'app2' });
    expect(verified.payload.sub).toBe('test-fusion');
  });

  it('is padded Base64 in profile wso2-appm, and RSA-SHA256 over the encoded parts (AST-S07)', async () => {
    const gateway = await start({ assertion: 'profile: wso2-appm' });
    const { value } = await assertionFor(gateway);
    const [header = '', payload = '', signature = ''] = value.split('.');
    for (const part of [header, payload, signature]) {
      expect(part).toMatch(/^[A-Za-z0-9+/]+=*$/);
      expect(part.length % 4).toBe(0);
    }
    const signed = Buffer.from(`${header}.${payload}`);
    const key = createPublicKey(await publishedPem(gateway));
    expect(verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64'))).toBe(true);
  });

  it('is base64url where that is chosen, in a profile of WSO2 too (AST-P08)', async () => {
    const gateway = await start({ assertion: 'profile: wso2-appm, kid: true, encoding: base64url' });
    const { value } = await assertionFor(gateway);
    for (const part of value.split('.')) expect(part).toMatch(/^[A-Za-z0-9_-]+$/);
    await expect(jwtVerify(value, joseKeys(gateway))).resolves.toBeDefined();
  });

  it('is RS256 by default, and a changed payload does not verify (AST-S09)', async () => {
    const gateway = await start();
    const { value, header } = await assertionFor(gateway);
    expect(Object.entries(header).slice(0, 2)).toEqual([
      ['typ', 'JWT'],
      ['alg', 'RS256'],
    ]);
    await expect(jwtVerify(value, joseKeys(gateway))).resolves.toBeDefined();
    await expect(jwtVerify(tampered(value), joseKeys(gateway))).rejects.toThrow('signature');
  });

  it('without signature is two parts and a final period, and the log warns (AST-S10)', async () => {
    const gateway = await start({ assertion: 'algorithm: NONE' });
    const { value } = await assertionFor(gateway);
    expect(value).toMatch(/^[^.]+\.[^.]+\.$/);
    expect(partText(value, 0)).toBe('{"typ":"JWT","alg":"none"}');
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ level: 'warn', warning: expect.stringContaining('not signed') }),
    );
  });

  it.each([
    ['SHA256WITHRSA', 'RS256'],
    ['SHA256withRSA', 'RS256'],
    ['rs256', 'RS256'],
    ['none', 'none'],
  ])('reads algorithm %s as %s (AST-S11)', async (written, algorithm) => {
    const gateway = await start({ assertion: `algorithm: ${written}` });
    expect((await assertionFor(gateway)).header['alg']).toBe(algorithm);
  });

  it.each(['MD5', 'SHA1withRSA', 'HS1'])('is not made with algorithm %s (AST-S11)', async (algorithm) => {
    const gateway = await start();
    expect(await gateway.reload(acceptance({ assertion: `algorithm: ${algorithm}` }))).toBe(false);
    const env = { BACKEND: gateway.backend.url };
    const check = await runCommand(['check', join(gateway.folder, 'countersign.yaml')], env);
    expect(check.code).toBe(1);
    expect(check.output).toContain('assertion.algorithm');
  });

  it.each(['RS256', 'ES256', 'ES384', 'PS256', 'EdDSA'])(
    'verifies with unmodified jose by key set: %s (AST-P12)',
    async (algorithm) => {
      const gateway = await start({ assertion: `algorithm: ${algorithm}` });
      const { value } = await assertionFor(gateway);
      const { protectedHeader } = await jwtVerify(value, joseKeys(gateway), { algorithms: [algorithm] });
      expect(protectedHeader.alg).toBe(algorithm);
      await expect(jwtVerify(tampered(value), joseKeys(gateway))).rejects.toThrow('signature');
    },
  );
});

/** Seconds from the minting to the end, whatever the unit of the profile. */
const LIVES: [profile: string, settings: string, lifeSeconds: number, digits: number][] = [
  ['standard', 'profile: standard', 300, 10],
  ['standard with ttl 2m', 'ttl: 2m', 120, 10],
  ['wso2-appm', 'profile: wso2-appm', 900, 13],
  ['wso2-apim', 'profile: wso2-apim', 900, 10],
];

describe('times', () => {
  it.each(LIVES)(
    'of %s: a life of %i s (AST-S14, AST-P15)',
    async (_name, assertion, lifeSeconds, digits) => {
      const clock = fakeClock();
      const gateway = await start({ assertion }, { clock });
      const { payload } = await assertionFor(gateway, t1({ exp: 2_000_000_000 }, clock));
      const exp = Number(payload['exp']);
      expect(String(exp)).toHaveLength(digits);
      expect(exp * (digits === 13 ? 1 : 1000) - clock()).toBe(lifeSeconds * 1000);
    },
  );
});

describe('the issuer', () => {
  it.each([
    ['countersign', 'profile: standard'],
    ['gateway.test', 'issuer: gateway.test'],
    ['wso2.org/products/appm', 'profile: wso2-appm'],
    ['wso2.org/products/am', 'profile: wso2-apim'],
  ])('is %s with %s (AST-S13)', async (issuer, assertion) => {
    const gateway = await start({ assertion });
    expect((await assertionFor(gateway)).payload['iss']).toBe(issuer);
  });
});

describe('the sample of WSO2', () => {
  const SAMPLE =
    '{"iss":"wso2.org/products/appm","exp":1345183492181,' +
    '"http://wso2.org/claims/subscriber":"admin","http://wso2.org/claims/applicationname":"app2",' +
    '"http://wso2.org/claims/apicontext":"/placeFinder","http://wso2.org/claims/version":"1.0.0",' +
    '"http://wso2.org/claims/tier":"Silver","http://wso2.org/claims/enduser":"peter"}';

  it('arrives at the backend byte for byte (AST-S56)', async () => {
    const clock = fakeClock(1_345_183_492_181 - 15 * 60_000);
    const gateway = await start({ assertion: 'profile: wso2-appm, algorithm: NONE' }, { clock });
    const token = t1({ sub: 'peter', exp: 1_345_183_492 + 900 }, clock);
    const { value } = await assertionFor(gateway, token);
    expect(partText(value, 1)).toBe(SAMPLE);
    const encode = (text: string) => Buffer.from(text).toString('base64');
    expect(value).toBe(`${encode('{"typ":"JWT","alg":"none"}')}.${encode(SAMPLE)}.`);
  });
});

describe('the certificate in the header', () => {
  const key = testKey('RS256', 'k1');
  const certificate = selfSignedCertificate(key);
  const files = { 'k1.pem': pemOf(key), 'k1.crt': certificate };
  const keys = 'keys: [{ id: k1, privateKeyFile: k1.pem, certificateFile: k1.crt }]';
  const { fingerprint, fingerprint256, serialNumber, subject } = new X509Certificate(certificate);
  const hex = fingerprint.replaceAll(':', '').toLowerCase();
  const rfc = (digits: string) => Buffer.from(digits.replaceAll(':', ''), 'hex').toString('base64url');
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it.each([
    ['x5t: none', {}],
    ['x5t: sha1', { x5t: rfc(fingerprint) }],
    ['x5t: sha256', { 'x5t#S256': rfc(fingerprint256) }],
    ['x5t: wso2-hex', { x5t: base64(hex) }],
    ['x5t: wso2-hex-upper', { x5t: base64(hex.toUpperCase()) }],
  ])('with %s (AST-P39, AST-P40)', async (setting, thumbprint) => {
    const gateway = await start({ assertion: `${setting}, ${keys}` }, { files });
    const { header } = await assertionFor(gateway);
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', kid: 'k1', ...thumbprint });
  });

  it('of profile wso2-appm is upper-case hexadecimal, and there is no kid (AST-P39)', async () => {
    const gateway = await start({ assertion: `profile: wso2-appm, ${keys}` }, { files });
    const { value } = await assertionFor(gateway);
    expect(partText(value, 0)).toBe(`{"typ":"JWT","alg":"RS256","x5t":"${base64(hex.toUpperCase())}"}`);
  });

  it('of profile wso2-apim is lower-case hexadecimal, and kid names subject and serial (AST-P39)', async () => {
    const gateway = await start({ assertion: `profile: wso2-apim, ${keys}` }, { files });
    const { value } = await assertionFor(gateway);
    const kid = base64(`${subject}#${BigInt(`0x${serialNumber}`)}`).replace(/=+$/, '');
    expect(partText(value, 0)).toBe(`{"typ":"JWT","alg":"RS256","x5t":"${base64(hex)}","kid":"${kid}"}`);
    expect(value.split('.').every((part) => !part.includes('='))).toBe(true);
  });
});

describe('any text', () => {
  it.each(['a"b\\c\n', 'Zoë 東京', '\u0000\u001f\u007f', '</script>', '😀', '\u2028'])(
    'arrives as it was: %j (AST-P43)',
    async (text) => {
      const gateway = await start();
      const { value } = await assertionFor(gateway, t1({ nickname: text }));
      const payload: Record<string, unknown> = JSON.parse(partText(value, 1));
      expect(payload[wso2('nickname')]).toBe(text);
      await expect(jwtVerify(value, joseKeys(gateway))).resolves.toBeDefined();
    },
  );

  it('in the name of the caller is no line of its own to the backend (H05)', async () => {
    const gateway = await start();
    const sub = 'eve\r\nX-Admin: yes\r\n\0é, "ł" 😀';
    const { payload } = await assertionFor(gateway, t1({ sub, 'x\r\ny': 'z' }));
    expect(payload['sub']).toBe(sub);
    expect(gateway.backend.received.at(-1)?.headers).not.toHaveProperty('x-admin');
  });
});

describe('an assertion that is too large', () => {
  const groups = Array.from({ length: 300 }, (_, index) => `department-${index}-of-the-company`);

  it('is refused, and the backend is not asked (H06)', async () => {
    const gateway = await start();
    const answer = await gateway.get(PLACES, t1({ groups }));
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'assertion_too_large' });
    expect(gateway.backend.received).toEqual([]);
  });

  it('is sent without the groups where that is chosen; the roles stay (H06)', async () => {
    const assertion = 'onOversize: dropGroups, userClaims: { retriever: token }';
    const gateway = await start({ assertion });
    const { payload } = await assertionFor(gateway, t1({ groups: [...groups, 'group-two'] }));
    expect(payload).not.toHaveProperty(wso2('groups'));
    expect(payload[wso2('role')]).toEqual(['authenticated', 'admin']);
  });

  it('because of one claim is refused (H05)', async () => {
    const gateway = await start();
    expect((await gateway.get(PLACES, t1({ note: 'x'.repeat(8192) }))).status).toBe(403);
  });
});

describe('an assertion for one route', () => {
  it('is refused by the backend of another one (H07)', async () => {
    const other = '  - { name: other, match: { pathPrefix: /other }, upstream: echo }';
    const gateway = await start({ more: other });
    const { value, header, payload } = await assertionFor(gateway);
    expect(header).toMatchObject({ typ: 'JWT', kid: expect.any(String) });
    expect(payload).toMatchObject({ iss: 'countersign', aud: 'app2', jti: expect.any(String) });
    await expect(jwtVerify(value, joseKeys(gateway), { audience: 'other' })).rejects.toThrow('aud');
    await gateway.get('/other', t1());
    await expect(
      jwtVerify(gateway.assertion().value, joseKeys(gateway), { audience: 'other' }),
    ).resolves.toBeDefined();
  });

  it('is not confused with the token of the caller: another issuer, audience and id (H07)', async () => {
    const gateway = await start();
    const caller = t1Claims({ aud: 'gateway', jti: 'of-the-caller', nbf: 1 });
    const { payload } = await assertionFor(gateway, t1(caller));
    expect(payload['jti']).not.toBe('of-the-caller');
    expect(payload['aud']).toBe('app2');
    expect(payload).not.toHaveProperty('nbf');
  });
});
