import { describe, expect, it } from 'vitest';
import { userSchema } from '../../../src/objects/user.ts';
import { createUser } from '../../../src/tokens/objects/users.ts';
import { attributesOfSubject } from '../../../src/tokens/user-attributes.ts';
import { EVERYWHERE, TEN1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service } = await testTokenService();
const tenants = new Map([...service.catalog().tenants].filter(([id]) => id === TEN1));
const made = (members: object) =>
  createUser(service, undefined, userSchema.parse({ tenantId: TEN1, ...members }), EVERYWHERE);
const named = (subject: string) =>
  attributesOfSubject(service.store, { tenants }, { subject, isUserId: false, applicationId: null });

describe('attributesOfSubject()', () => {
  it('knows callers of other issuers by username and by e-mail address (AST-S22)', async () => {
    await made({ email: 'ann@acme.com', username: 'ann', firstName: 'Ann' });
    for (const subject of ['ann', 'ann@acme.com', 'ANN'])
      expect((await named(subject))?.get('givenname')).toBe('Ann');
  });

  it('gives nobody the attributes of who took their e-mail address for a username', async () => {
    await made({ email: 'bob@acme.com', firstName: 'Bob' });
    await made({ username: 'bob@acme.com', firstName: 'Mallory' });
    expect(await named('bob@acme.com')).toBeNull();
  });
});
