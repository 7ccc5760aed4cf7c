/** Realms with one public key, and the verdict that attacks must not reach. */
import { expect } from 'vitest';
import type { Realm } from '../../src/core/realm.ts';
import { testRealm } from './policy.ts';
import type { TestKey } from './tokens.ts';
import { publicKey } from './verification-keys.ts';
import { type Rig, rigOf } from './verifier.ts';

/** Realm `fusion` with this key alone, and more algorithms allowed than the key serves. */
export function rigWith(key: TestKey, overrides: Partial<Realm> = {}): Rig {
  const realm = testRealm({ algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'ES256'], ...overrides });
  return rigOf([{ realm, signingKeys: [publicKey(key)], keySet: null }]);
}

/** Every token must be refused with 401, which is what the codes other than these are. */
export async function refusesAll(rig: Rig, tokens: readonly string[]): Promise<void> {
  for (const token of tokens) {
    const verdict = await rig.verdict(token);
    expect(['accepted', 'internal_error', 'keys_unavailable'], token).not.toContain(verdict);
  }
}
