/** The JOSE header of an assertion: which members, in which order. */
import type { AssertionPolicy } from '../core/assertion.ts';
import type { SigningKey } from './signing-key.ts';
import { thumbprintHeader } from './wso2.ts';

type Member = readonly [name: string, value: string];

/** Policies and keys are immutable: each pair has one header, made once. */
const KNOWN = new WeakMap<AssertionPolicy, WeakMap<SigningKey, string>>();

/** JSON text of the header, members in the order of the profile. `key` null: unsigned (RFC 7519 §6). */
export function assertionHeader(policy: AssertionPolicy, key: SigningKey | null): string {
  if (key === null) return JSON.stringify({ typ: 'JWT', alg: 'none' });
  const known = KNOWN.get(policy)?.get(key);
  if (known !== undefined) return known;
  const headers = KNOWN.get(policy) ?? new WeakMap<SigningKey, string>();
  const header = signedHeader(policy, key);
  KNOWN.set(policy, headers.set(key, header));
  return header;
}

function signedHeader(policy: AssertionPolicy, key: SigningKey): string {
  const names = [kidMember(policy, key), thumbprintMember(policy, key)];
  if (policy.profile !== 'standard') names.reverse();
  const members = [['typ', 'JWT'], ['alg', key.algorithm], ...names.filter((member) => member !== null)];
  return JSON.stringify(Object.fromEntries(members));
}

function kidMember({ kid, profile }: AssertionPolicy, key: SigningKey): Member | null {
  if (!kid) return null;
  return ['kid', profile === 'wso2-apim' ? (key.certificate?.wso2Kid ?? key.id) : key.id];
}

function thumbprintMember({ x5t }: AssertionPolicy, { certificate }: SigningKey): Member | null {
  return x5t === 'none' || certificate === null ? null : thumbprintHeader(x5t, certificate);
}
