import { describe, expect, it } from 'vitest';
import { importApim } from '../../../src/import/apim.ts';
import { settingsIn } from '../../support/imports.ts';

const imported = (jwt: string, more = '') => importApim(`[apim.jwt]\nenable = true\n${jwt}\n${more}`);
const assertionOf = (jwt: string, more = '') => settingsIn(imported(jwt, more).yaml)['assertion'];

describe('importApim()', () => {
  it('takes API Manager’s defaults where the table says nothing', () => {
    expect(settingsIn(importApim('[apim.jwt]\nheader = "A"').yaml)['assertion']).toMatchObject({
      enabled: false,
      profile: 'wso2-apim',
      header: 'A',
      dialect: 'http://wso2.org/claims',
      algorithm: 'RS256',
      encoding: 'base64',
      kid: true,
      jwksEndpoint: true,
      userClaims: { retriever: 'token', convertDialect: false },
    });
  });

  it.each([
    ['signing_algorithm = "NONE"', { algorithm: 'NONE' }],
    ['signing_algorithm = "SHA256withRSA"', { algorithm: 'RS256' }],
    ['encoding = "base64url"', { encoding: 'base64url' }],
    ['claim_dialect = "urn:d"', { dialect: 'urn:d' }],
    ['convert_dialect = true', { userClaims: { convertDialect: true } }],
    ['use_kid_property = false', { kid: false }],
    ['enable_jwks_api = false', { jwksEndpoint: false }],
    ['gateway_generator.excluded_claims = ["a", "b"]', { userClaims: { exclude: ['a', 'b'] } }],
    ['gateway_generator.excluded_claims = "a, b"', { userClaims: { exclude: ['a', 'b'] } }],
  ])('reads %s', (jwt, expected) => expect(assertionOf(jwt)).toMatchObject(expected));

  it.each([
    ['expiry_time = 300', { ttl: '300s' }, 0],
    ['enable = false\nexpiry_time = 300', { ttl: '0s' }, 0],
    ['enable = true', undefined, 0],
    ['expiry_time = 1e9', undefined, 1],
  ])('reads [apim.cache.jwt_claim] %j', (table, cache, listed) => {
    const { yaml, leftOut } = imported('', `[apim.cache.jwt_claim]\n${table}`);
    const { userClaims } = settingsIn(yaml)['assertion'] as { userClaims: Record<string, unknown> };
    expect(userClaims['cache']).toEqual(cache);
    expect(leftOut).toHaveLength(listed);
  });

  it.each([
    ['encoding = "hex"', 'apim.jwt.encoding'],
    ['enable_tenant_based_signing = true', 'apim.jwt.enable_tenant_based_signing'],
    ['binding_federated_user_claims = true', 'apim.jwt.binding_federated_user_claims'],
    ['encode_x5t_without_padding = true', 'apim.jwt.encode_x5t_without_padding'],
    ['generator_impl = "com.example.G"', 'apim.jwt.generator_impl'],
    ['claims_extractor_impl = "com.example.C"', 'apim.jwt.claims_extractor_impl'],
    ['gateway_generator.impl = "com.example.G"', 'apim.jwt.gateway_generator.impl'],
    ['gateway_generator.enable_claim_retrieval = true', 'apim.jwt.gateway_generator.enable_claim_retrieval'],
    ['gateway_generator.new = 1', 'apim.jwt.gateway_generator.new'],
    ['header = ["a"]', 'apim.jwt.header'],
    ['"a\\nb: c" = 1', 'apim.jwt.a?b: c'],
    ['"\\u001b[2J" = 1', 'apim.jwt.?[2J'],
  ])('lists %s', (jwt, path) => {
    const { yaml, leftOut } = imported(jwt);
    expect(leftOut.map((one) => one.path)).toEqual([path]);
    expect(yaml).toContain(`#   ${path}: `);
    settingsIn(yaml);
  });

  it.each([
    'enable_tenant_based_signing = false',
    'generator_impl = "org.wso2.carbon.apimgt.keymgt.token.JWTGenerator"',
    'enable_user_claims = false',
  ])('finds nothing lost in %s', (jwt) => expect(imported(jwt).leftOut).toEqual([]));

  it('says where there is no such table', () => {
    expect(() => importApim('[server]\nhostname = "a"')).toThrow('holds no table [apim.jwt]');
  });

  it.each([
    ['a cut-off text', '[server]\npassword = "letmein'],
    ['the same key twice', '[apim.jwt]\nheader = "a"\nheader = "b"'],
    ['the same table twice', '[apim.jwt]\nenable = true\n[apim.jwt]\nenable = false'],
    ['arrays in arrays, 10,000 deep', `a = ${'['.repeat(10_000)}`],
    ['__proto__', '[__proto__]\nenable = true'],
  ])('refuses %s, and quotes nothing', (_what, text) => {
    expect(() => importApim(text)).toThrow(/^is not TOML( \(line \d+, column \d+\))?$/);
  });
});
