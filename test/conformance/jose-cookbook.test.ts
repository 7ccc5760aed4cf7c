/** The examples of RFC 7515 appendix A, RFC 7520 §4, RFC 7797 §4 and RFC 8037 appendix A.4. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { judgeJws } from '../support/jws-vectors.ts';
import { readVectors } from '../support/vectors.ts';
import { fusionRig } from '../support/verifier.ts';

interface Example {
  readonly input: { readonly key: JsonObject };
  readonly output: { readonly compact?: string; readonly json_flat?: JsonObject; readonly json: JsonObject };
}

const PRIVATE_MEMBERS = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi']);

function publicHalf(jwk: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.has(name)));
}

const isInstalled = readVectors('jose-cookbook/jws/4_1.rsa_v15_signature.json') !== null;
const example = (path: string) => readVectors<Example>(`jose-cookbook/${path}`) as Example;

describe.skipIf(!isInstalled)('verifySignature, JOSE cookbook', () => {
  it.each([
    ['RFC 7520 §4.1 RS256', 'jws/4_1.rsa_v15_signature.json'],
    ['RFC 7520 §4.2 PS384', 'jws/4_2.rsa-pss_signature.json'],
    ['RFC 7520 §4.3 ES512', 'jws/4_3.ecdsa_signature.json'],
    ['RFC 7520 §4.4 HS256', 'jws/4_4.hmac-sha2_integrity_protection.json'],
    ['RFC 8037 A.4 EdDSA', 'curve25519/jws.json'],
  ])('accepts %s', async (_name, path) => {
    const { input, output } = example(path);
    expect(await judgeJws(output.compact ?? null, publicHalf(input.key))).toBe('valid');
  });

  it.each([
    ['RFC 7520 §4.5 detached content', 'jws/4_5.signature_with_detached_content.json'],
    ['RFC 7797 §4.2 b64=false in compact form', 'rfc7797/hmac-sha2_b64_false.json'],
  ])('refuses %s', async (_name, path) => {
    const { input, output } = example(path);
    expect(await judgeJws(output.compact ?? null, publicHalf(input.key))).toBe('invalid');
  });

  it.each([
    ['RFC 7520 §4.6 flattened JSON', 'jws/4_6.protecting_specific_header_fields.json'],
    ['RFC 7520 §4.7 unprotected header', 'jws/4_7.protecting_content_only.json'],
    ['RFC 7520 §4.8 several signatures', 'jws/4_8.multiple_signatures.json'],
  ])('J21 refuses %s', async (_name, path) => {
    const { output } = example(path);
    expect(await fusionRig().verdict(JSON.stringify(output.json_flat ?? output.json))).toBe('malformed');
  });
});

/** Payload of RFC 7515 A.1.1, pretty-printed with CRLF as the appendix has it. */
const JOE = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';

describe('verifySignature, RFC 7515 appendix A', () => {
  it('accepts A.1, HS256', async () => {
    const jws = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    const jwk = {
      kty: 'oct',
      k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    };
    expect(await judgeJws(jws, jwk)).toBe('valid');
  });

  it('accepts A.3, ES256', async () => {
    const jws = `eyJhbGciOiJFUzI1NiJ9.${JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`;
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    };
    expect(await judgeJws(jws, jwk)).toBe('valid');
  });

  it('J01 refuses A.5, the unsecured JWS', async () => {
    const realm = { issuer: 'joe', requireExpiration: false };
    expect(await fusionRig(realm).verdict(`eyJhbGciOiJub25lIn0.${JOE}.`)).toBe('alg_not_allowed');
  });
});
