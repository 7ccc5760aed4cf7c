/** What changes while a login is planned: it is seen before anything is written. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createLink, deleteLink } from '../../../src/tokens/links.ts';
import { changeRegistration } from '../../../src/tokens/objects/registrations.ts';
import { changeUser, deleteUser } from '../../../src/tokens/objects/users.ts';
import type { ReconciledUser } from '../../../src/tokens/ports.ts';
import { addProvider, IDP1 } from '../../support/identity-provider.ts';
import { APP_A, EVERYWHERE, TEN1, U1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

/** Happens while the lambda of a login runs, so after everything was read and before anything is written. */
let meanwhile: (user: ReconciledUser['user']) => Promise<unknown> = async () => {};
let lambdaRuns = 0;

const bench = await testTokenService({
  lambdas: {
    async reconcile(_, { user, registration }) {
      lambdaRuns += 1;
      await meanwhile(user);
      return { user, registration };
    },
  },
});
const { service, clock } = bench;
const idp = await addProvider(bench);

beforeEach(async () => {
  await idp.useLambda('function reconcile() {}');
  meanwhile = async () => {};
  lambdaRuns = 0;
});

/** Once, at the first run. */
function once(change: (user: ReconciledUser['user']) => Promise<unknown>): void {
  meanwhile = (user) => {
    meanwhile = async () => {};
    return change(user);
  };
}

const U1_TOKEN = () => idp.token({ sub: 'u1-at-acme', email: 'u1@acme.com' });

describe('reconcile()', () => {
  it('gives no role that was taken away meanwhile', async () => {
    await idp.login(U1_TOKEN());
    lambdaRuns = 0;
    once((user) =>
      changeRegistration(service, user.id, APP_A, EVERYWHERE, ({ id: _, ...present }) => ({
        ...present,
        roles: ['user'],
      })),
    );
    const { tokens, user } = await idp.login(U1_TOKEN());
    expect(decodePart(tokens?.token ?? '', 1)['roles']).toEqual(['user']);
    expect(user.registrations.find(({ applicationId }) => applicationId === APP_A)?.roles).toEqual(['user']);
    expect(lambdaRuns).toBe(2);
  });

  it('does not undo what was changed meanwhile', async () => {
    once((user) =>
      changeUser(service, user.id, EVERYWHERE, ({ registrations: _, ...present }) => ({
        ...present,
        password: undefined,
        firstName: 'By hand',
      })),
    );
    await idp.login(U1_TOKEN());
    expect(await service.store.users.get(U1)).toMatchObject({ firstName: 'By hand' });
  });

  it('lets nobody in whose link was taken away meanwhile', async () => {
    await idp.change({ linkingStrategy: 'Disabled' });
    const link = { identityProviderId: IDP1, identityProviderUserId: 'linked-by-hand', userId: U1 };
    await createLink(service, link, EVERYWHERE);
    once(() => deleteLink(service, link, EVERYWHERE));
    await idp.useLambda('function reconcile() {}', {}, { linkingStrategy: 'Disabled' });
    const token = idp.token({ sub: 'linked-by-hand', email: 'u1@acme.com' });
    await expect(idp.login(token)).rejects.toMatchObject({ status: 404 });
  });

  it('makes the user anew who was deleted meanwhile', async () => {
    const token = idp.token({ sub: 'short-lived', email: 'short-lived@acme.com' });
    const { user } = await idp.login(token);
    once(() => deleteUser(service, user.id, EVERYWHERE));
    const again = await idp.login(token);
    expect(again.user.id).not.toBe(user.id);
    expect((await service.store.links.get(TEN1, IDP1, 'short-lived'))?.userId).toBe(again.user.id);
  });

  it('is not planned again for other logins of the same user', async () => {
    await idp.login(U1_TOKEN());
    lambdaRuns = 0;
    clock.advanceMs(1000);
    once(async () => {
      clock.advanceMs(1000);
      await idp.login(U1_TOKEN());
    });
    await idp.login(U1_TOKEN());
    expect(lambdaRuns).toBe(2);
  });

  it('gives up where the user changes each time', async () => {
    meanwhile = (user) =>
      changeUser(service, user.id, EVERYWHERE, ({ registrations: _, ...present }) => ({
        ...present,
        password: undefined,
        firstName: `Change ${lambdaRuns}`,
      }));
    await expect(idp.login(U1_TOKEN())).rejects.toMatchObject({ status: 503 });
    expect(lambdaRuns).toBe(10);
  });

  it('JWT-S34: runs no lambda for a deactivated user', async () => {
    const token = idp.token({ sub: 'inactive', email: 'inactive@acme.com' });
    const { user } = await idp.login(token);
    await changeUser(service, user.id, EVERYWHERE, ({ registrations: _, ...present }) => ({
      ...present,
      password: undefined,
      active: false,
    }));
    lambdaRuns = 0;
    await expect(idp.login(token)).rejects.toMatchObject({ status: 404 });
    expect(lambdaRuns).toBe(0);
  });
});
