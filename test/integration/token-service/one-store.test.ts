/** The store of the token service is opened once: to be seeded at the start, to serve, and to be seeded by each reload. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore } from '../../../src/stores/sqlite/open.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

vi.mock('../../../src/stores/sqlite/open.ts', { spy: true });

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [TENANT, KEY, SECRET_KEY] = [1, 2, 3].map(id);
const MASTER_KEY = 'a master key of more than thirty-two bytes';

const config = ({ tenant = 'T', key = KEY, masterKey = MASTER_KEY } = {}) => `
routes: [{ name: home, match: { pathPrefix: / }, upstream: builtin:echo, auth: none }]
secrets: { masterKey: "${masterKey}" }
tokenService:
  keys:
    - { id: ${KEY}, name: k, algorithm: ES256 }
    - { id: ${SECRET_KEY}, name: s, secret: a secret of more than thirty-two bytes }
  tenants: [{ id: ${TENANT}, name: ${tenant}, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${key} } }]
`;

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  vi.clearAllMocks();
});

const opened = () => vi.mocked(openSqliteStore).mock.calls.length;
const closed = async () => {
  const stores = await Promise.all(vi.mocked(openSqliteStore).mock.results.map(({ value }) => value));
  return await Promise.all(
    stores.map((store) =>
      store.ping().then(
        () => false,
        () => true,
      ),
    ),
  );
};

describe('the store of a process', () => {
  it('is opened once, and closed with it', async () => {
    gateway = await startGateway(config());
    expect(await gateway.reload(config({ tenant: 'U' }))).toBe(true);
    expect(await gateway.reload(config({ tenant: 'V', key: TENANT }))).toBe(false);
    expect(opened()).toBe(1);
    expect(await closed()).toEqual([false]);
    await gateway.stop();
    expect(await closed()).toEqual([true]);
    gateway = undefined;
  });

  it('is closed where the objects of the file do not fit together', async () => {
    await expect(startGateway(config({ key: TENANT }))).rejects.toThrow('There is no such key');
    expect(await closed()).toEqual([true]);
  });

  it('is seeded under the master key in use, until a restart takes the new one', async () => {
    gateway = await startGateway(config());
    const masterKey = 'another master key of more than thirty-two bytes';
    expect(await gateway.reload(config({ tenant: 'U', masterKey }))).toBe(true);
    expect(gateway.log.some(({ settings }) => JSON.stringify(settings) === '["tokenService"]')).toBe(true);
  });
});
