/** The JOSE header of an assertion, and what operators should know about the form they chose. */
import type { AssertionPolicy } from '../core/assertion.ts';
import type { Keyring } from './keyring.ts';
import type { SigningKey } from './signing-key.ts';
import { thumbprintHeader } from './wso2.ts';

type Member = readonly [name: string, value: string];

/** JSON text of the header, members in the order of the profile. `key` null: unsigned (RFC 7519 §6). */
export function assertionHeader(policy: AssertionPolicy, key: SigningKey | null): string {
  if (key === null) return JSON.stringify({ typ: 'JWT', alg: 'none' });
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

/** What to tell the operator at start and in `check`: choices under which a backend may trust too much, or too little. */
export function assertionNotices(policy: AssertionPolicy, keyring: Pick<Keyring, 'active'>): string[] {
  const notices: string[] = [];
  if (policy.algorithm === 'none')
    notices.push('assertions are unsigned: who reaches the backend can write them');
  if (policy.timeUnit === 'milliseconds')
    notices.push('assertions carry exp in milliseconds: for a standard JWT library they never expire');
  if (policy.encoding === 'base64')
    notices.push('assertions are in standard Base64: a standard JWT library refuses them');
  const isWithoutCertificate =
    policy.algorithm !== 'none' && keyring.active(policy.algorithm).certificate === null;
  if (policy.x5t !== 'none' && isWithoutCertificate)
    notices.push('assertions carry no x5t: the signing key has no certificateFile');
  return notices;
}
