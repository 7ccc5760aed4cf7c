import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../src/core/error-table.ts';
import { CountersignError, type ErrorCode, errorRow, toCountersignError } from '../../../src/core/errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('ERRORS', () => {
  it.each(CODES)('%s has a status, a sentence for clients and a hint for operators', (code) => {
    const { status, title, hint } = errorRow(code);
    expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/^[A-Z][^.]+$/);
    expect(hint).toMatch(/\.$/);
  });

  it.each(CODES)('%s carries the OAuth error that RFC 6750 §3.1 gives its status', (code) => {
    const { status, oauth } = errorRow(code);
    const allowed = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 };
    if (oauth !== undefined) expect(status).toBe(allowed[oauth]);
  });

  it.each(CODES)('%s is retryable only as a 5xx', (code) => {
    const { status, retryable } = errorRow(code);
    if (retryable === true) expect(status).toBeGreaterThanOrEqual(502);
  });

  it('does not tell apart an unknown issuer and a wrong audience in its public sentence', () => {
    expect(ERRORS.unknown_issuer.title).toBe(ERRORS.wrong_audience.title);
  });
});

describe('CountersignError', () => {
  it('has the status of its code, the message and the options', () => {
    const cause = new Error('cause');
    const error = new CountersignError('keys_unavailable', 'no set', { retryAfterSeconds: 30, cause });
    expect(error).toMatchObject({ status: 503, message: 'no set', retryAfterSeconds: 30, cause });
    expect(error.parameter).toBeUndefined();
  });

  it('has no cause where none is given', () => {
    expect('cause' in new CountersignError('no_token', 'none')).toBe(false);
  });
});

describe('CountersignError stack', () => {
  it('is there for failures, where the operator looks for a defect', () => {
    expect(new CountersignError('internal_error', 'x').stack).toContain('errors.test.ts');
  });

  it('is left out for refusals, which anyone can cause by the thousand', () => {
    expect(new CountersignError('bad_signature', 'x').stack).not.toContain('errors.test.ts');
  });

  it('changes nothing for other errors', () => {
    const before = Error.stackTraceLimit;
    new CountersignError('bad_signature', 'x');
    expect(Error.stackTraceLimit).toBe(before);
  });
});

describe('toCountersignError()', () => {
  it('keeps a CountersignError', () => {
    const error = new CountersignError('expired', 'late');
    expect(toCountersignError(error)).toBe(error);
  });

  it.each([
    ['an Error', new TypeError('boom'), 'boom'],
    ['a string', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a look-alike', { code: 'no_token', status: 200 }, '[object Object]'],
  ])('makes %s an internal_error', (_name, thrown, message) => {
    expect(toCountersignError(thrown)).toMatchObject({ code: 'internal_error', status: 500, message });
  });

  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  it.each([
    ['an object without prototype', Object.create(null)],
    ['a revoked proxy', revoked.proxy],
    [
      'a throwing toString',
      {
        toString() {
          throw new Error('no');
        },
      },
    ],
    ['a message that is a symbol', Object.assign(new Error('x'), { message: Symbol('s') })],
  ])('fails closed on %s', (_name, thrown) => {
    expect(toCountersignError(thrown)).toMatchObject({ code: 'internal_error', status: 500 });
  });
});
