/** Webhooks are told of sessions that end because of another change: `jwt.refresh-token.revoke`. */
import { describe, expect, it } from 'vitest';
import type { UserBody } from '../../../src/objects/user.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { deleteApplication } from '../../../src/tokens/objects/applications.ts';
import { deleteRegistration } from '../../../src/tokens/objects/registrations.ts';
import { deleteTenant } from '../../../src/tokens/objects/remove-tenant.ts';
import { changeUser, deleteUser } from '../../../src/tokens/objects/users.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import {
  APP_A,
  APP_B,
  APP_T2,
  configure,
  EVERYWHERE,
  loginTo,
  TEN1,
  TEN2,
  U1,
  U2,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service, events } = await testTokenService();

const change = (members: Partial<UserBody>, of: TokenService = service) =>
  changeUser(of, U1, EVERYWHERE, ({ email, username, active, data }) => ({
    email,
    username,
    active,
    data,
    ...members,
  }));

/** Bodies of the events that the work leads to. */
async function told(work: () => Promise<unknown>) {
  events.length = 0;
  await work();
  expect(events.every(({ type }) => type === 'jwt.refresh-token.revoke')).toBe(true);
  return events.map(({ tenantId, body }) => ({ tenantId, ...body }));
}

const OF_U1 = { tenantId: TEN1, userId: U1, applicationTimeToLiveInSeconds: { [APP_A]: 3600 } };

describe('webhooks are told of the end of sessions by', () => {
  it.each<[string, Partial<UserBody>]>([
    ['a new password', { password: 'another good password' }],
    ['the deactivation of a user', { active: false }],
    ['a user who comes back', { active: true }],
    ['the end of an account', { expiry: 1 }],
  ])('%s (JWT-S73)', async (_, members) => {
    const [body, other] = await told(() => change(members));
    expect(body).toMatchObject(OF_U1);
    expect(other).toBeUndefined();
    expect(JSON.stringify(body)).not.toContain('scrypt');
  });

  it('the end of a registration', async () => {
    await change({ expiry: null });
    const bodies = await told(() => deleteRegistration(service, U1, APP_B, EVERYWHERE));
    expect(bodies).toMatchObject([
      { userId: U1, applicationId: APP_B, applicationTimeToLiveInSeconds: { [APP_B]: 3600 } },
    ]);
  });

  it('the end of a user', async () => {
    const bodies = await told(() => deleteUser(service, U2, EVERYWHERE));
    expect(bodies).toMatchObject([{ tenantId: TEN1, userId: U2 }]);
  });

  it('the end of an application', async () => {
    const bodies = await told(() => deleteApplication(service, APP_A, EVERYWHERE));
    expect(bodies).toEqual([
      { tenantId: TEN1, applicationId: APP_A, applicationTimeToLiveInSeconds: { [APP_A]: 3600 } },
    ]);
  });

  it('the end of a tenant', async () => {
    const bodies = await told(() => deleteTenant(service, TEN2, EVERYWHERE));
    expect(bodies).toEqual([{ tenantId: TEN2, applicationTimeToLiveInSeconds: { [APP_T2]: 600 } }]);
  });
});

describe('webhooks are not told', () => {
  it('of a change that ends nothing', async () => {
    expect(await told(() => change({ firstName: 'Una' }))).toEqual([]);
    await change({ active: false });
    expect(await told(() => change({ active: false, firstName: 'Uma' }))).toEqual([]);
    await change({ active: true });
  });

  it('of what is not deleted', async () => {
    const inTenant2 = { ...EVERYWHERE, tenantId: TEN2 };
    await configure(service, 'tenants', TEN1, (tenant) => ({ ...tenant, source: 'Config' }));
    await configure(service, 'applications', APP_B, (application) => ({ ...application, source: 'Config' }));
    for (const refused of [
      () => deleteTenant(service, TEN1, EVERYWHERE),
      () => deleteTenant(service, TEN1, inTenant2),
      () => deleteApplication(service, APP_B, EVERYWHERE),
      () => deleteApplication(service, APP_B, inTenant2),
      () => deleteUser(service, U1, inTenant2),
    ])
      expect(await told(() => expect(refused()).rejects.toBeInstanceOf(ServiceError))).toEqual([]);
  });
});

describe('a transactional webhook', () => {
  it('does not keep a password, a user or a session alive by its refusal', async () => {
    const refusing = await testTokenService({
      parts: {
        events: {
          prepare: async () => {
            throw new ServiceError(504, 'refused');
          },
        },
      },
    });
    const { refreshToken } = await loginTo(refusing.service, APP_A);
    await change({ password: 'another good password' }, refusing.service);
    expect(await refusing.service.store.refreshTokens.get(refreshToken.id)).toBeNull();
    await deleteUser(refusing.service, U1, EVERYWHERE);
    expect(await refusing.service.store.users.get(U1)).toBeNull();
  });
});
