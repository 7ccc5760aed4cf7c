/** The JOSE header of an assertion, and what else is the same in all that a policy makes with a key. */
import type { AssertionPolicy } from '../core/assertion.ts';
import { signatureBytes } from './crypto-form.ts';
import type { SigningKey } from './signing-key.ts';
import { type PartEncoder, partEncoder, thumbprintHeader } from './wso2.ts';

type Member = readonly [name: string, value: string];

/** What an assertion is put together with (RFC 7515 §5.1). */
export interface AssertionFrame {
  /** The encoded header and its period. */
  readonly header: string;
  readonly encode: PartEncoder;
  /** Of the encoded signature: 0 where unsigned. */
  readonly signatureCharacters: number;
}

/** Policies and keys are immutable: each pair has one frame, made once. */
const KNOWN = new WeakMap<AssertionPolicy, WeakMap<object, AssertionFrame>>();
const NO_KEY = {};

/** `key` null: unsigned (RFC 7519 §6). */
export function assertionFrame(policy: AssertionPolicy, key: SigningKey | null): AssertionFrame {
  const known = KNOWN.get(policy)?.get(key ?? NO_KEY);
  if (known !== undefined) return known;
  const frames = KNOWN.get(policy) ?? new WeakMap<object, AssertionFrame>();
  const frame = makeFrame(policy, key);
  KNOWN.set(policy, frames.set(key ?? NO_KEY, frame));
  return frame;
}

function makeFrame(policy: AssertionPolicy, key: SigningKey | null): AssertionFrame {
  const encode = partEncoder(policy);
  const header = `${encode(Buffer.from(assertionHeader(policy, key)))}.`;
  const signature = Buffer.alloc(key === null ? 0 : signatureBytes(key.algorithm, key.privateKey));
  return { header, encode, signatureCharacters: encode(signature).length };
}

/** JSON text of the header, members in the order of the profile. */
function assertionHeader(policy: AssertionPolicy, key: SigningKey | null): string {
  return key === null ? JSON.stringify({ typ: 'JWT', alg: 'none' }) : signedHeader(policy, key);
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
