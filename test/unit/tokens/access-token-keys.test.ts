/** By which keys a tenant's access tokens verify, over catalogs that no use case would write. */
import { describe, expect, it } from 'vitest';
import { identityProviderSchema } from '../../../src/objects/identity-provider.ts';
import type { Key } from '../../../src/objects/key.ts';
import { webhookSchema } from '../../../src/objects/webhook.ts';
import { accessTokenKeys } from '../../../src/tokens/access-token-keys.ts';
import type { Catalog } from '../../../src/tokens/catalog.ts';
import { K_HS, K_PUB, K_RS, K_T2, TEN1, TEN2 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service } = await testTokenService();
const fixtures = service.catalog();
const FORMER = '00000000-0000-4000-8000-000000000499';

/** The fixtures, with one more key: a copy of TEN2's that signed for TEN1 before. */
function catalogWith(members: Partial<Catalog> = {}, former: Partial<Key> = {}): Catalog {
  const pattern = fixtures.keys.get(K_T2);
  if (pattern === undefined) throw new Error('The fixtures have the key');
  const key = { ...pattern, id: FORMER, kid: 'kid-former', signedFor: [TEN1], ...former };
  return { ...fixtures, keys: new Map([...fixtures.keys, [FORMER, key]]), ...members };
}

const idsOf = (catalog: Catalog, tenantId = TEN1) =>
  accessTokenKeys(catalog, tenantId)
    .map(({ id }) => id)
    .toSorted();

describe('accessTokenKeys()', () => {
  it('are those that sign for the tenant, and those that did (security.md T14)', () => {
    expect(idsOf(catalogWith())).toEqual([K_RS, K_HS, FORMER]);
    expect(idsOf(catalogWith(), TEN2)).toEqual([K_T2]);
    expect(idsOf(catalogWith(), FORMER)).toEqual([]);
  });

  it('are none that signed for another tenant, or for nobody', () => {
    expect(idsOf(catalogWith({}, { signedFor: [TEN2] }))).toEqual([K_RS, K_HS]);
    expect(idsOf(catalogWith({}, { signedFor: [] }))).toEqual([K_RS, K_HS]);
  });

  it('are none whose private half is not ours, whatever is on record', () => {
    expect(idsOf(catalogWith({}, { hasPrivateKey: false }))).toEqual([K_RS, K_HS]);
    const tenant = fixtures.tenants.get(TEN1);
    if (tenant === undefined) throw new Error('The fixtures have the tenant');
    const jwtConfiguration = { ...tenant.jwtConfiguration, accessTokenKeyId: K_PUB };
    const tenants = new Map(fixtures.tenants).set(TEN1, { ...tenant, jwtConfiguration });
    expect(idsOf(catalogWith({ tenants }))).not.toContain(K_PUB);
  });

  it('are no secrets that sign no more', () => {
    expect(idsOf(catalogWith({}, { publicKey: null }))).toEqual([K_RS, K_HS]);
  });

  it.each([
    [
      'verifies foreign tokens',
      { identityProviders: new Map([['p', provider({ verificationKeyIds: [FORMER] })]]) },
    ],
    [
      'is the default of a provider',
      { identityProviders: new Map([['p', provider({ defaultKeyId: FORMER })]]) },
    ],
    ['signs for a webhook', { webhooks: new Map([['w', webhookSignedBy(FORMER)]]) }],
  ])('are none that signed before, and now %s', (_use, members) =>
    expect(idsOf(catalogWith(members))).toEqual([K_RS, K_HS]),
  );
});

const STAMPS = { insertInstant: 0, lastUpdateInstant: 0, source: 'API' } as const;

function provider(members: object) {
  return { ...identityProviderSchema.parse({ name: 'partner', ...members }), ...STAMPS, id: 'p' };
}

function webhookSignedBy(signingKeyId: string) {
  const signatureConfiguration = { enabled: true, signingKeyId };
  return { ...webhookSchema.parse({ url: 'https://h.test/', signatureConfiguration }), ...STAMPS, id: 'w' };
}
