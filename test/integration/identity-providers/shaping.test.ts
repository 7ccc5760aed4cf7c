/** How the claim map and lambdas shape users and registrations. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createLambdas } from '../../../src/identity-providers/lambda/lambdas.ts';
import { createSandbox } from '../../../src/identity-providers/lambda/sandbox.ts';
import { ThreadLostError } from '../../../src/identity-providers/lambda/thread.ts';
import { lambdaSchema } from '../../../src/objects/lambda.ts';
import type { User } from '../../../src/objects/user.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { createLambda, replaceLambda } from '../../../src/tokens/objects/lambdas.ts';
import { addProvider } from '../../support/identity-provider.ts';
import { silentLog } from '../../support/open-store.ts';
import { APP_A, TEN1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const schedule = (task: () => void, delayMs: number) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};
/** Long enough for a busy machine: two lambdas here loop. */
const TIMEOUT_MS = 2000;
const sandbox = createSandbox({ timeoutMs: TIMEOUT_MS, memoryBytes: 32 * 1024 * 1024, schedule });
afterAll(() => sandbox.close());

const bench = await testTokenService();
const { store, catalog } = bench.service;
const lambdas = createLambdas({ catalog, store, clock: bench.clock, log: silentLog, sandbox });
const service = { ...bench.service, lambdas };
const idp = await addProvider({ service, clock: bench.clock });
beforeEach(() => idp.change({}));

let people = 0;
function somebody(claims: object = {}): { sub: string; email: string } {
  people += 1;
  return { sub: `id-${people}`, email: `somebody-${people}@acme.com`, ...claims };
}

const login = async (claims: object) => (await idp.login(idp.token(claims))).user;
const registrationOf = (user: User) =>
  user.registrations.find(({ applicationId }) => applicationId === APP_A);
const failure = async (claims: object) => {
  const error: unknown = await idp.login(idp.token(claims)).catch((thrown: unknown) => thrown);
  return error instanceof ServiceError ? { status: error.status, errors: error.errors } : error;
};

/** Event logs that the work leaves. */
async function logsOf(work: () => Promise<unknown>) {
  const before = (await idp.eventLogs()).length;
  await work();
  return (await idp.eventLogs()).slice(before).map(({ type, message }) => ({ type, message }));
}

describe('the claim map', () => {
  it('IDP-S46: fills the fields of the user', async () => {
    await idp.change({
      claimMap: {
        birthdate: 'birthDate',
        first_name: 'firstName',
        middle_name: 'middleName',
        last_name: 'lastName',
        name: 'fullName',
        phone: 'mobilePhone',
        picture: 'imageUrl',
        zoneinfo: 'timezone',
      },
    });
    const claims = {
      birthdate: '1970-07-31',
      first_name: 'Bob',
      middle_name: 'B.',
      last_name: 'Acme',
      name: 'Bob B. Acme',
      phone: '+41 31 300 00 00',
      picture: 'https://acme.com/bob.png',
      zoneinfo: 'Europe/Zurich',
    };
    expect(await login(somebody(claims))).toMatchObject({
      birthDate: '1970-07-31',
      firstName: 'Bob',
      middleName: 'B.',
      lastName: 'Acme',
      fullName: 'Bob B. Acme',
      mobilePhone: '+41 31 300 00 00',
      imageUrl: 'https://acme.com/bob.png',
      timezone: 'Europe/Zurich',
    });
  });

  it.each([
    ['1970-07-31', '1970-07-31'],
    ['1970-07-31T10:00:00Z', '1970-07-31'],
    ['7/31/1970', '1970-07-31'],
    ['07/01/1970', '1970-07-01'],
    ['13/31/1970', undefined],
    ['31.7.1970', undefined],
    ['1970', undefined],
    [0, undefined],
  ])('IDP-S46: reads the birth date %j as %s', async (birthdate, expected) => {
    await idp.change({ claimMap: { birthdate: 'birthDate' } });
    expect((await login(somebody({ birthdate }))).birthDate).toBe(expected);
  });

  it('IDP-S47: puts values into user.data under the name of the claim', async () => {
    await idp.change({ claimMap: { company: 'UserData' } });
    expect((await login(somebody())).data).toEqual({ company: 'Acme. Corp' });
  });

  it('IDP-S48: puts values into registration.data', async () => {
    await idp.change({ claimMap: { company: 'RegistrationData' } });
    expect(registrationOf(await login(somebody()))?.data).toEqual({ company: 'Acme. Corp' });
  });

  it('IDP-P50: is applied at each login; what the token lacks stays', async () => {
    await idp.change({ claimMap: { first_name: 'firstName', department: 'UserData' } });
    const claims = somebody({ department: { name: 'R&D', floors: [1, 2] } });
    const first = await login(claims);
    expect(first.data).toEqual({ department: { name: 'R&D', floors: [1, 2] } });
    bench.clock.advanceMs(1000);
    const second = await login({ ...claims, first_name: 'Robert' });
    expect(second).toMatchObject({ id: first.id, firstName: 'Robert', lastUpdateInstant: bench.clock() });
    const third = await login({ ...claims, first_name: undefined, department: undefined });
    expect(third).toMatchObject({ firstName: 'Robert', data: first.data });
    expect(await store.users.get(first.id)).toMatchObject({ firstName: 'Robert', data: first.data });
  });

  it('leaves a field as it is where the value does not fit', async () => {
    await idp.change({ claimMap: { first_name: 'firstName', phone: 'mobilePhone' } });
    const claims = somebody({ first_name: 'Bob', phone: 4131 });
    await login(claims);
    for (const first_name of [{}, [], '', true, null, 'x'.repeat(5000)])
      expect(await login({ ...claims, first_name })).toMatchObject({ firstName: 'Bob', mobilePhone: '4131' });
  });
});

describe('a reconcile lambda', () => {
  it('IDP-S09: maps claims of its own', async () => {
    await idp.useLambda(`function reconcile(user, registration, jwt) {
      user.firstName = jwt.first_name;
      user.data.email = jwt.email;
      registration.data.iss = jwt.iss;
      registration.roles = ['admin', 'no such role'];
    }`);
    const user = await login(somebody({ iss: 'acme.test' }));
    expect(user).toMatchObject({ firstName: 'Bob', data: { email: user.email } });
    expect(registrationOf(user)).toMatchObject({ data: { iss: 'acme.test' }, roles: ['admin'] });
    expect(await store.users.get(user.id)).toEqual(user);
  });

  it('IDP-S10: runs after the claim map', async () => {
    await idp.useLambda(
      'function reconcile(user, r, jwt) { user.firstName = `${user.firstName} by lambda`; }',
      {},
      { claimMap: { first_name: 'firstName' } },
    );
    expect((await login(somebody())).firstName).toBe('Bob by lambda');
  });

  it('IDP-P11: changes neither the token nor what is fixed', async () => {
    await idp.useLambda(
      `function reconcile(user, registration, jwt) {
        jwt.sub = 'x'; jwt.email = 'x@acme.com';
        user.email = 'z@acme.com'; user.username = 'z'; user.id = '1'; user.tenantId = '2'; user.active = false;
        user.verified = false; user.passwordHash = 'h'; user.registrations = []; registration.applicationId = '3';
      }`,
      {},
      { claimMap: { email: 'UserData' } },
    );
    const claims = somebody();
    const first = await login(claims);
    expect(first).toMatchObject({ email: claims.email, tenantId: TEN1, active: true, verified: true });
    expect(first).toMatchObject({ passwordHash: null, data: { email: claims.email } });
    expect(first.username).toBeUndefined();
    expect(registrationOf(first)).toBeDefined();
    expect(await login(claims)).toMatchObject({ id: first.id, email: claims.email });
  });

  it('is shown no password hash, and who the application is', async () => {
    await idp.useLambda(
      'function reconcile(user, r, jwt, context) { user.data.seen = [Object.keys(user), context]; }',
    );
    const { data } = await login(somebody());
    expect(JSON.stringify(data)).not.toContain('passwordHash');
    expect(data).toMatchObject({ seen: [expect.anything(), { application: { id: APP_A, name: 'A' } }] });
  });

  it('IDP-P12, L04: that throws ends the login: 401, an Error event log, nothing stored', async () => {
    await idp.useLambda('function reconcile(user) { user.firstName = "X"; throw new Error("not you"); }');
    const claims = somebody();
    const logs = await logsOf(async () => {
      expect(await failure(claims)).toEqual({ status: 401, errors: null });
    });
    expect(logs).toEqual([{ type: 'Error', message: expect.stringContaining('Error: not you') }]);
    expect(await store.users.findByEmail(TEN1, claims.email)).toBeNull();
  });

  it('IDP-P12, L04: that loops ends the login: 500, an Error event log, nothing stored', async () => {
    await idp.useLambda('function reconcile() { while (true); }');
    const claims = somebody();
    const logs = await logsOf(async () => {
      expect(await failure(claims)).toEqual({ status: 500, errors: null });
    });
    expect(logs).toEqual([{ type: 'Error', message: expect.stringContaining('it runs too long') }]);
    expect(await store.users.findByEmail(TEN1, claims.email)).toBeNull();
  });

  it.each([
    ['user.firstName = 7', 'user is not in order: firstName'],
    ['user.birthDate = "yesterday"', 'user is not in order: birthDate'],
    ['user.data = "x"', 'user is not in order: data'],
    ['user.data.x = "x".repeat(70000)', 'user is not in order: data'],
    ['registration.roles = "admin"', 'registration is not in order: roles'],
  ])('L05: that leaves nonsense ends the login: %s', async (statement, message) => {
    await idp.useLambda(`function reconcile(user, registration) { ${statement} }`);
    const logs = await logsOf(async () => {
      expect(await failure(somebody())).toMatchObject({ status: 401 });
    });
    expect(logs).toEqual([{ type: 'Error', message: expect.stringContaining(message) }]);
  });

  it('IDP-P14: writes event logs, and Debug ones only where it is being debugged', async () => {
    const source = 'function reconcile() { console.info("i"); console.error("e"); console.debug("d"); }';
    await idp.useLambda(source);
    const quiet = await logsOf(() => login(somebody()));
    expect(quiet.map(({ type }) => type)).toEqual(['Information', 'Error']);
    await idp.useLambda(source, { debug: true });
    const loud = await logsOf(() => login(somebody()));
    expect(loud.map(({ type, message }) => [type, message.at(-1)])).toEqual([
      ['Information', 'i'],
      ['Error', 'e'],
      ['Debug', 'd'],
    ]);
  });

  it('IDP-P23: does not run for LinkAnonymously', async () => {
    await idp.useLambda('function reconcile() { throw 1; }', {}, { linkingStrategy: 'LinkAnonymously' });
    expect((await login(somebody())).active).toBe(true);
  });

  it('does not run while it is disabled', async () => {
    await idp.useLambda('function reconcile() { throw 1; }', { enabled: false });
    expect((await login(somebody())).active).toBe(true);
  });

  it('writes to a registration that is not kept where none is made', async () => {
    await idp.useLambda(
      'function reconcile(user, registration) { registration.data.x = 1; user.data.y = 2; }',
      {},
      { applicationConfiguration: { [APP_A]: { enabled: true, createRegistration: false } } },
    );
    expect(await login(somebody())).toMatchObject({ registrations: [], data: { y: 2 } });
  });

  it('is a fault of ours, not a refusal, where its thread is lost', async () => {
    await idp.useLambda('function reconcile() {}');
    const broken = createLambdas({
      catalog,
      store,
      clock: bench.clock,
      log: silentLog,
      sandbox: { ...sandbox, run: () => Promise.reject(new ThreadLostError('gone')) },
    });
    const lambda = service.catalog().identityProviders.values().next().value?.lambdaConfiguration.reconcileId;
    const user = await login(somebody());
    const [registration] = user.registrations;
    const application = service.catalog().applications.get(APP_A);
    if (registration === undefined || application === undefined) throw new Error('no registration');
    const input = { user, registration, application, claims: {} };
    await expect(broken.reconcile(lambda ?? '', input)).rejects.toThrow(ThreadLostError);
    await expect(broken.reconcile('gone', input)).rejects.toMatchObject({ status: 500 });
  });
});

describe('a lambda that is no program', () => {
  const bodyOf = (body: string) => lambdaSchema.parse({ name: 'l', type: 'JWTPopulate', body });
  const refusal = {
    status: 400,
    errors: {
      fieldErrors: {
        'lambda.body': [{ code: '[invalid]lambda.body', message: expect.stringMatching(/^SyntaxError: /) }],
      },
    },
  };

  it('is not made', async () => {
    const before = service.catalog().lambdas.size;
    await expect(createLambda(service, undefined, bodyOf('function populate( {'))).rejects.toMatchObject(
      refusal,
    );
    expect(service.catalog().lambdas.size).toBe(before);
  });

  it('takes the place of none', async () => {
    const scope = { tenantId: null, ipAddress: null };
    const { id, body } = await createLambda(service, undefined, bodyOf('function populate() {}'));
    await expect(replaceLambda(service, id, bodyOf('nonsense('), scope)).rejects.toMatchObject(refusal);
    expect(service.catalog().lambdas.get(id)?.body).toBe(body);
  });
});

describe('a populate lambda', () => {
  const populate = async (source: string) => {
    const lambda = lambdaSchema.parse({ name: 'populate', type: 'JWTPopulate', body: source });
    // Without a look at the source: as a store has it in which an older version wrote.
    const { id } = await createLambda(bench.service, undefined, lambda);
    const user = await login(somebody());
    const [registration] = user.registrations;
    const application = service.catalog().applications.get(APP_A);
    if (registration === undefined || application === undefined) throw new Error('no registration');
    return await lambdas.populate(id, { claims: { sub: 's' }, user, registration, application });
  };

  it('adds claims, and may only read user and registration', async () => {
    const source = `function populate(jwt, user, registration, context) {
      user.data.x = 1; registration.roles.push('admin');
      jwt.who = user.email; jwt.roles2 = registration.roles; jwt.app = context.application.name;
    }`;
    await expect(populate(source)).rejects.toMatchObject({ status: 500 });
    const quiet = source.replace("registration.roles.push('admin');", '');
    expect(await populate(quiet)).toEqual({
      sub: 's',
      who: expect.stringContaining('@acme.com'),
      roles2: ['user'],
      app: 'A',
    });
  });

  it.each(['function populate() { throw 1; }', 'function populate() { for (;;); }', 'nonsense('])(
    'L04: that fails gives no token: %s',
    async (source) => {
      await expect(populate(source)).rejects.toMatchObject({ status: 500, errors: null });
    },
  );
});
