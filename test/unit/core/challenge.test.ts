import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { challengeOf, publicReason } from '../../../src/core/challenge.ts';
import { ERRORS } from '../../../src/core/error-table.ts';
import { CountersignError, type ErrorCode, errorRow } from '../../../src/core/errors.ts';
import { isFieldValue } from '../../../src/core/headers.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];
const error = (code: ErrorCode, parameter?: string) =>
  new CountersignError(code, 'for the operator', parameter === undefined ? {} : { parameter });

describe('challengeOf()', () => {
  it('FJR-S34 names the realm and no error where there was no token (RFC 6750 §3.1)', () => {
    expect(challengeOf(error('no_token'))).toBe('Bearer realm="countersign"');
  });

  it('FJR-S34 answers a bad token with invalid_token and the reason code', () => {
    expect(challengeOf(error('expired'))).toBe(
      'Bearer realm="countersign", error="invalid_token", error_description="expired"',
    );
  });

  it('FJR-S13 names the claim that is missing', () => {
    expect(challengeOf(error('missing_claim', 'sub'))).toContain('error_description="missing_claim: sub"');
  });

  it('FJR-S34 answers a missing role with insufficient_scope, without a scope parameter', () => {
    const challenge = challengeOf(error('insufficient_role', 'admin'));
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).not.toContain('scope="admin"');
  });

  it('names the scopes that are required (RFC 6750 §3)', () => {
    expect(challengeOf(error('insufficient_scope', 'read write'))).toBe(
      'Bearer realm="countersign", error="insufficient_scope", ' +
        'error_description="insufficient_scope: read write", scope="read write"',
    );
    expect(challengeOf(error('insufficient_scope'))).not.toContain('scope=""');
  });

  it('answers two credentials with invalid_request', () => {
    expect(challengeOf(error('ambiguous_credentials'))).toContain('error="invalid_request"');
  });

  it.each(CODES)('gives %s a challenge where the status asks for one, and never the message', (code) => {
    const { status, oauth } = errorRow(code);
    const challenge = challengeOf(error(code));
    if (status === 401 || oauth !== undefined) expect(challenge).toMatch(/^Bearer realm="countersign"/);
    else expect(challenge).toBeNull();
    expect(challenge ?? '').not.toContain('operator');
  });

  it('H05 is one header value of quoted strings, whatever the parameter', () => {
    const quoted =
      /^Bearer [a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:, [a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*")*$/;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...'"\\\r\n\0é€'), (text, character) => {
        const challenge = challengeOf(error('insufficient_scope', text + character)) ?? '';
        expect(challenge).toMatch(quoted);
        expect(isFieldValue(challenge)).toBe(true);
      }),
    );
  });
});

describe('publicReason()', () => {
  it('is the code, and the parameter where there is one', () => {
    expect(publicReason(error('expired'))).toBe('expired');
    expect(publicReason(error('missing_claim', 'sub'))).toBe('missing_claim: sub');
  });
});
