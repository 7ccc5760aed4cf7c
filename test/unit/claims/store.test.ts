import { describe, expect, it } from 'vitest';
import { type StoredSubject, storeRetriever, withStore } from '../../../src/claims/store.ts';
import { tokenRetriever } from '../../../src/claims/token.ts';
import type { Principal } from '../../../src/core/principal.ts';
import { fakeClock } from '../../support/clock.ts';
import { testRealm } from '../../support/policy.ts';

const CACHE = { ttlMs: 1000, max: 10 };
const caller = (claims = {}): Principal => ({ subject: 's', groups: [], roles: [], scopes: [], claims });

function rig(answer: () => Promise<ReadonlyMap<string, string> | null>) {
  const asked: StoredSubject[] = [];
  const lookup = (subject: StoredSubject) => {
    asked.push(subject);
    return answer();
  };
  return { asked, retriever: storeRetriever({ lookup, cache: CACHE, clock: fakeClock() }) };
}

describe('storeRetriever()', () => {
  it('asks for a name of another realm, and for a user of ours with the application (AST-S22)', async () => {
    const { asked, retriever } = rig(async () => new Map([['emailaddress', 'e']]));
    const found = await retriever.retrieve(caller({ applicationId: 'ignored' }), testRealm());
    await retriever.retrieve(caller({ applicationId: 'app' }), testRealm({ isSelf: true }));
    expect(found).toEqual({ dialect: null, claims: new Map([['emailaddress', 'e']]), order: 'natural' });
    expect(asked).toEqual([
      { subject: 's', isUserId: false, applicationId: null },
      { subject: 's', isUserId: true, applicationId: 'app' },
    ]);
  });

  it('asks once for a while', async () => {
    const { asked, retriever } = rig(async () => null);
    for (let time = 0; time < 3; time += 1) await retriever.retrieve(caller(), testRealm());
    expect(asked.length).toBe(1);
  });

  it('has no claims of someone whom the store does not know', async () => {
    const { retriever } = rig(async () => null);
    expect(await retriever.retrieve(caller(), testRealm())).toMatchObject({ claims: new Map() });
  });

  it('refuses the request where the store does not answer: claims are not guessed', async () => {
    const { retriever } = rig(() => Promise.reject(new Error('down')));
    await expect(retriever.retrieve(caller(), testRealm())).rejects.toMatchObject({
      code: 'claims_unavailable',
    });
  });
});

describe('withStore()', () => {
  it('has both, and the value of the store where both have one', async () => {
    const { retriever } = rig(
      async () =>
        new Map([
          ['email', 'store'],
          ['mobile', '1'],
        ]),
    );
    const both = withStore(tokenRetriever(), retriever);
    const { claims } = await both.retrieve(caller({ email: 'token', dept: 'd' }), testRealm());
    expect(Object.fromEntries(claims)).toEqual({ email: 'store', dept: 'd', mobile: '1' });
  });
});
