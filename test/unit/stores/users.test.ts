import { describe, expect, it } from 'vitest';
import { userOf } from '../../../src/stores/tables/users.ts';
import { aRegistration, aUser, NOW_MS } from '../../support/stored-objects.ts';

const registration = aRegistration({ lastLoginInstant: NOW_MS });
const { registrations: _, ...user } = aUser({ lastLoginInstant: NOW_MS });
/** As the first schema has them: the instant of the last login is in the body. */
const body = JSON.stringify(user);
const registrationBody = JSON.stringify(registration);

describe('userOf()', () => {
  it('reads the instant of the last login from bodies of the first schema', () => {
    const row = { user_body: body, user_login: null, user_registrations: `[${registrationBody},null]` };
    expect(userOf(row)).toEqual({ ...user, registrations: [registration] });
  });

  it('prefers that of a later login', () => {
    const later = NOW_MS + 1;
    const row = { user_body: body, user_login: later, user_registrations: `[${registrationBody},${later}]` };
    expect(userOf(row)).toEqual({
      ...user,
      lastLoginInstant: later,
      registrations: [{ ...registration, lastLoginInstant: later }],
    });
  });

  it('reads a user without registrations', () => {
    const row = { user_body: body, user_login: null, user_registrations: null };
    expect(userOf(row)).toEqual({ ...user, registrations: [] });
  });
});
