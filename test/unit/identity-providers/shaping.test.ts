/** What no claim and no lambda changes, whatever it holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../src/core/json.ts';
import { applyClaimMap } from '../../../src/identity-providers/claim-map.ts';
import { externalIdentity } from '../../../src/identity-providers/external-identity.ts';
import { mergeLambdaResult, parseArguments } from '../../../src/identity-providers/lambda-result.ts';
import { CLAIM_TARGETS } from '../../../src/objects/identity-provider.ts';
import { type Registration, type User, userSchema } from '../../../src/objects/user.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { providerOf } from '../../support/identity-provider.ts';

const registration: Registration = {
  id: 'r',
  applicationId: 'a',
  roles: ['user'],
  data: {},
  insertInstant: 1,
  lastUpdateInstant: 1,
  lastLoginInstant: null,
  verified: true,
};
const user: User = {
  id: 'u',
  tenantId: 't',
  email: 'bob@acme.com',
  username: 'bob',
  active: true,
  expiry: null,
  data: {},
  verified: true,
  verifiedInstant: 1,
  insertInstant: 1,
  lastUpdateInstant: 1,
  lastLoginInstant: null,
  passwordHash: 'hash',
  registrations: [registration],
};

const fixedOf = ({ id, tenantId, email, username, active, expiry, verified, ...rest }: User) => ({
  ...{ id, tenantId, email, username, active, expiry, verified },
  instants: [rest.verifiedInstant, rest.insertInstant, rest.lastUpdateInstant, rest.lastLoginInstant],
  passwordHash: rest.passwordHash,
  registrations: rest.registrations,
});
const fixedOfRegistration = ({ roles: _, data: __, timezone: ___, ...rest }: Registration) => rest;

/** What stands in every user: a profile of the form that the schema asks for. */
const isSound = ({ firstName, birthDate, data, timezone }: User) =>
  userSchema.safeParse({ firstName, birthDate, data, timezone }).success;

const NAMES = ['sub', 'email', 'id', 'name', '__proto__', 'constructor', 'toString', 'data'];
const json = fc.jsonValue() as fc.Arbitrary<Json>;
const claims = fc.dictionary(fc.constantFrom(...NAMES), json) as fc.Arbitrary<JsonObject>;

describe('applyClaimMap()', () => {
  it('changes profile and data only, and leaves them sound', () => {
    const claimMap = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...CLAIM_TARGETS));
    fc.assert(
      fc.property(claimMap, claims, (map, given) => {
        const after = applyClaimMap({ claimMap: map }, given, { user, registration });
        expect(fixedOf(after.user)).toEqual(fixedOf(user));
        expect(fixedOfRegistration(after.registration)).toEqual(fixedOfRegistration(registration));
        expect(after.registration.roles).toEqual(['user']);
        expect(isSound(after.user)).toBe(true);
      }),
    );
  });
});

describe('mergeLambdaResult()', () => {
  const application = { roles: [{ name: 'user' }, { name: 'admin' }].map(withDefaults) };

  it('IDP-P11, L05: lets a lambda change profile, data and known roles, or throws', () => {
    const members = fc.dictionary(
      fc.constantFrom(
        'id',
        'email',
        'username',
        'active',
        'passwordHash',
        'roles',
        'data',
        'firstName',
        'tenantId',
      ),
      fc.oneof(json, fc.constantFrom('x', ['admin', 'root'], {})),
    );
    fc.assert(
      fc.property(members, members, (leftUser, leftRegistration) => {
        const left = parse([leftUser, leftRegistration]);
        const after = attempt(() => mergeLambdaResult({ user, registration }, left, application));
        if (after === null) return;
        expect(fixedOf(after.user)).toEqual(fixedOf(user));
        expect(fixedOfRegistration(after.registration)).toEqual(fixedOfRegistration(registration));
        expect(['user', 'admin']).toEqual(expect.arrayContaining([...after.registration.roles]));
        expect(isSound(after.user)).toBe(true);
      }),
    );
  });

  it.each(['null', '7', '{}', '[1]', '[null]', '[[]]', '', 'x'])(
    'L05: reads no arguments from %j',
    (text) => {
      expect(() => parseArguments(text)).toThrow();
    },
  );
});

describe('externalIdentity()', () => {
  const provider = providerOf({ domains: ['acme.com'] });

  it('IDP-S42: takes exactly the addresses whose last part is a managed domain', () => {
    const domain = fc.constantFrom(
      'acme.com',
      'ACME.COM',
      'acme.com.org',
      'xacme.com',
      'a.acme.com',
      'acme.co',
    );
    fc.assert(
      fc.property(fc.emailAddress(), domain, (address, name) => {
        const email = `${address.slice(0, address.indexOf('@'))}@${name}`;
        fc.pre(userSchema.shape.email.safeParse(email).success);
        const identity = attempt(() => externalIdentity(provider, { sub: 's', email }));
        expect(identity !== null).toBe(name.toLowerCase() === 'acme.com');
      }),
    );
  });

  it('answers 401 for claims of any form', () => {
    fc.assert(
      fc.property(claims, (given) => {
        try {
          externalIdentity(provider, given);
        } catch (error) {
          expect(error).toBeInstanceOf(ServiceError);
          expect(error).toMatchObject({ status: 401, errors: null });
        }
      }),
    );
  });
});

function withDefaults({ name }: { name: string }) {
  return { name, isDefault: false, isSuperRole: false };
}

function parse([leftUser, leftRegistration]: readonly object[]) {
  const [first, second] = parseArguments(JSON.stringify([leftUser, leftRegistration]));
  return { user: first, registration: second };
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
