import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../src/core/error-table.ts';
import { CountersignError, type ErrorCode } from '../../../src/core/errors.ts';
import { problemOf } from '../../../src/http/problem.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

function headersOf(code: ErrorCode, options = {}): Map<string, string> {
  const { headers } = problemOf(new CountersignError(code, 'canary for the operator', options), 'id');
  const pairs = headers.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, headers[index + 1] ?? '']] : [],
  );
  return new Map(pairs);
}

describe('problemOf()', () => {
  it.each(CODES)('of %s is constant text with status and code (RFC 9457)', (code) => {
    const { status, body, headers } = problemOf(
      new CountersignError(code, 'canary for the operator'),
      'id-1',
    );
    expect(status).toBe(ERRORS[code].status);
    expect(JSON.parse(body)).toMatchObject({ status, code, title: ERRORS[code].title, instance: 'id-1' });
    expect(body + headers.join()).not.toContain('canary');
  });

  it('of a 401 has a challenge, of a 403 without oauth error none', () => {
    expect(headersOf('expired').get('WWW-Authenticate')).toContain('error="invalid_token"');
    expect(headersOf('assertion_too_large').has('WWW-Authenticate')).toBe(false);
  });

  it('of method_not_allowed has Allow (RFC 9110 §15.5.6)', () => {
    expect(headersOf('method_not_allowed', { parameter: 'GET, POST' }).get('Allow')).toBe('GET, POST');
  });

  it('of keys_unavailable has Retry-After, as known or by default', () => {
    expect(headersOf('keys_unavailable', { retryAfterSeconds: 12 }).get('Retry-After')).toBe('12');
    expect(headersOf('keys_unavailable').get('Retry-After')).toBe('5');
  });
});
