import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { errorOf, isRetryable, leavesConnectionUsable } from '../../../src/stores/postgres/errors.ts';
import { leavesFileUsable, errorOf as sqliteErrorOf } from '../../../src/stores/sqlite/result-codes.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { TooLargeError } from '../../../src/tokens/too-large.ts';

const SECRET = 'hunter2';

/** As the server sends it, with a value where it may have one. */
function said(code: string, constraint?: string) {
  const error = new pg.DatabaseError(`Key (email)=(${SECRET}) …`, 1, 'error');
  return Object.assign(error, { code, constraint, severity: 'ERROR', detail: SECRET });
}

describe('errorOf() of PostgreSQL', () => {
  it.each([
    ['08006', 'connection failure'],
    ['28P01', 'wrong password'],
    ['3D000', 'no such database'],
    ['40P01', 'deadlock, too often'],
    ['53100', 'T08 disk full'],
    ['53300', 'too many connections'],
    ['57014', 'statement timeout'],
    ['57P01', 'shutdown'],
    ['58030', 'T08 input or output error'],
    ['25006', 'a standby'],
    ['55P03', 'lock timeout'],
    ['XX001', 'damaged data'],
  ])('%s, %s, is unavailable', (code) => {
    expect(errorOf(said(code))).toBeInstanceOf(StoreUnavailableError);
  });

  it.each([
    Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    new Error('Connection terminated unexpectedly'),
    new Error('Query read timeout'),
    'a string',
  ])('what the server did not say is unavailable: %s', (error) => {
    expect(errorOf(error)).toBeInstanceOf(StoreUnavailableError);
  });

  it.each(['42P01', '22P02', '23503', '23502'])('%s is our mistake, not the weather', (code) => {
    expect(errorOf(said(code))).not.toBeInstanceOf(StoreUnavailableError);
  });

  it.each([
    ['users_pkey', 'user.id'],
    ['users_email', 'user.email'],
    ['links_pkey', 'identityProviderLink'],
    ['unknown', 'unknown'],
  ])('a duplicate in %s is %s', (constraint, what) => {
    expect(errorOf(said('23505', constraint))).toMatchObject({ name: 'DuplicateError', what });
  });

  it('54000 says that a value is too large: it fits no row of an index', () => {
    expect(errorOf(said('54000'))).toBeInstanceOf(TooLargeError);
  });

  it.each(['08006', '23505', '42P01', '22P02', '53100', '54000'])('T15 %s shows no value', (code) => {
    const error = errorOf(said(code, 'users_email'));
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(SECRET);
  });
});

describe('isRetryable() and leavesConnectionUsable()', () => {
  it.each([
    ['40001', true, true],
    ['40P01', true, true],
    ['23505', false, true],
    ['57014', false, true],
    ['57P01', false, false],
    ['08006', false, false],
    ['25P03', false, false],
  ])('of %s are %s and %s', (code, retryable, usable) => {
    expect([isRetryable(said(code)), leavesConnectionUsable(said(code))]).toEqual([retryable, usable]);
  });

  it('of what the server did not say are false', () => {
    const error = new Error('Connection terminated');
    expect([isRetryable(error), leavesConnectionUsable(error)]).toEqual([false, false]);
  });
});

describe('errorOf() of SQLite', () => {
  it.each([
    [5, 'busy', true],
    [517, 'busy snapshot', true],
    [7, 'no memory', false],
    [8, 'T08 read-only', false],
    [778, 'T08 write error', false],
    [1034, 'T08 fsync error', false],
    [11, 'damaged', false],
    [13, 'T08 disk full', true],
    [14, 'cannot open', false],
    [26, 'no database', false],
  ])('%d, %s, is unavailable', (code, message, usable) => {
    expect(sqliteErrorOf({ code, message })).toBeInstanceOf(StoreUnavailableError);
    expect(leavesFileUsable({ code, message })).toBe(usable);
  });

  it('a failure of the thread is unavailable', () => {
    expect(sqliteErrorOf({ code: null, message: 'x' })).toBeInstanceOf(StoreUnavailableError);
  });

  it.each([
    [2067, 'UNIQUE constraint failed: users.email_key, users.tenant_id', 'user.email'],
    [1555, 'UNIQUE constraint failed: users.id', 'user.id'],
  ])('%d is a duplicate', (code, message, what) => {
    expect(sqliteErrorOf({ code, message })).toMatchObject({ name: 'DuplicateError', what });
  });

  it.each([1, 787, 1299])('%d is our mistake, not the weather', (code) => {
    const error = sqliteErrorOf({ code, message: 'no such table: x' });
    expect(error).not.toBeInstanceOf(StoreUnavailableError);
    expect(leavesFileUsable({ code, message: '' })).toBe(true);
  });
});
