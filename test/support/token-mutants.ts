/** Tokens one step away from genuine ones, for the fuzz of the verifier. */
import type { Random } from './random.ts';
import { base64url, type Sign } from './tokens.ts';

export interface Signer {
  readonly name: string;
  readonly alg: string;
  readonly sign: Sign;
}

/** A token as its issuer made it. */
export interface Genuine {
  readonly text: string;
  readonly signer: Signer;
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
}

export function makeGenuine(
  signer: Signer,
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
): Genuine {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return { text: `${input}.${base64url(signer.sign(input))}`, signer, header, claims };
}

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\t\u0000é"{';

const HEADER_VALUES: Record<string, readonly unknown[]> = {
  alg: [
    'none',
    'None',
    'HS256',
    'HS384',
    'HS512',
    'ES256',
    'ES384',
    'RS256',
    'EdDSA',
    '',
    null,
    1,
    undefined,
  ],
  kid: ['k1', 'k2', 'K1', '__proto__', '', null, 7, 'k'.repeat(256), 'k'.repeat(257), undefined],
  typ: ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'dpop+jwt', 'logout+jwt', '', null, undefined],
  crit: [[], ['b64'], ['exp'], 'b64', null],
  b64: [false, true],
  zip: ['DEF'],
  enc: ['A256GCM'],
  jku: ['https://evil.test/jwks'],
  jwk: [{ kty: 'oct', k: 'AAAA' }],
  cty: ['JWT'],
};

/** `nowSeconds`: what the clock of the verifier shows. */
function claimValues(nowSeconds: number): Record<string, readonly unknown[]> {
  const times = [-3600, -61, -60, -59, -1, 0, 1, 59, 60, 61, 3600].map((offset) => nowSeconds + offset);
  const odd = ['soon', null, true, [nowSeconds], {}, -1, 0, nowSeconds * 1000, 2 ** 53, 1e300, undefined];
  const names = ['', 'test-fusion', 'admin', 7, null, ['admin'], {}, undefined];
  return {
    iss: ['fusion', 'https://idp.test', 'Fusion', 'fusion/', ['fusion'], null, undefined],
    aud: ['api', ['api'], ['x', 'api'], ['api', 7], [], 'API', 'api ', { api: 1 }, null, undefined],
    exp: [...times, nowSeconds + 0.5, ...odd],
    nbf: [...times, ...odd],
    iat: [...times, ...odd],
    sub: names,
    groups: ['group-two', ['group-two'], [7], 7, null, {}, undefined],
    roles: [['admin'], 'admin'],
    constructor: [{ admin: true }],
    big: [2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e20, 0.1],
  };
}

type Mutate = (random: Random, from: Genuine, other: Genuine) => string;

/** Changes of the text alone: nobody signed the outcome, unless it comes out as it was. */
export const TEXT_MUTATIONS: readonly Mutate[] = [
  flipCharacters,
  flipBit,
  swapParts,
  respell,
  cutOrExtend,
  (random, from) => editUnsigned(random, from, 'header'),
  (random, from) => editUnsigned(random, from, 'claims'),
  reorderMembers,
];

function flipCharacters(random: Random, { text }: Genuine): string {
  let changed = text;
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(changed.length);
    changed = `${changed.slice(0, at)}${random.pick([...CHARACTERS])}${changed.slice(at + 1)}`;
  }
  return changed;
}

function flipBit(random: Random, { text }: Genuine): string {
  const parts = text.split('.');
  const index = random.below(3);
  const bytes = Buffer.from(parts[index] ?? '', 'base64url');
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return parts.with(index, bytes.toString('base64url')).join('.');
}

function swapParts(random: Random, from: Genuine, other: Genuine): string {
  const pool = [...from.text.split('.'), ...other.text.split('.'), '', 'e30'];
  const parts = from.text.split('.');
  for (let count = 1 + random.below(2); count > 0; count -= 1) parts[random.below(3)] = random.pick(pool);
  return parts.join('.');
}

function respell(random: Random, { text }: Genuine): string {
  const parts = text.split('.');
  const index = random.below(3);
  const part = parts[index] ?? '';
  const at = random.below(part.length + 1);
  const spelling = random.pick([
    `${part}=`,
    `${part}==`,
    `${part.slice(0, at)}${random.pick([' ', '\n', '\r\n', '\t', '!', '\u00a0'])}${part.slice(at)}`,
    part.replaceAll('-', '+').replaceAll('_', '/'),
    `${part.slice(0, -1)}${random.pick([...CHARACTERS])}`,
    `${part}A`,
    encodeURIComponent(`${part} `),
    part.toLowerCase(),
  ]);
  return parts.with(index, spelling).join('.');
}

function cutOrExtend(random: Random, { text }: Genuine): string {
  const at = random.below(text.length);
  return random.pick([
    text.slice(0, at),
    text.slice(at),
    `${text}.`,
    `.${text}`,
    `${text}.${text}`,
    `${text}${text}`,
    `${text.slice(0, at)}.${text.slice(at)}`,
    text.replace('.', ''),
    `Bearer ${text}`,
    `"${text}"`,
  ]);
}

function editUnsigned(random: Random, from: Genuine, what: 'header' | 'claims'): string {
  const values = what === 'header' ? HEADER_VALUES : claimValues(Number(from.claims['iat']) || 0);
  const edited = base64url(withEdit(random, from[what], values));
  return from.text
    .split('.')
    .with(what === 'header' ? 0 : 1, edited)
    .join('.');
}

/** The same claims in another order, or one of them twice. */
function reorderMembers(random: Random, from: Genuine): string {
  const members = Object.entries(from.claims).map(([name, value]) => `"${name}":${JSON.stringify(value)}`);
  const twice = [...members.toReversed(), ...(random.below(2) === 0 ? [random.pick(members)] : [])];
  return from.text
    .split('.')
    .with(1, base64url(`{${twice.join(',')}}`))
    .join('.');
}

function withEdit(
  random: Random,
  object: Record<string, unknown>,
  values: Record<string, readonly unknown[]>,
): Record<string, unknown> {
  const name = random.pick(Object.keys(values));
  return { ...object, [name]: random.pick(values[name] ?? []) };
}

/** Edited and signed anew, by the issuer of the token or by another one: genuine, but perhaps not acceptable. */
export function resigned(
  random: Random,
  from: Genuine,
  signers: readonly Signer[],
  nowSeconds: number,
): Genuine {
  let { header, claims } = from;
  for (let count = random.below(3); count > 0; count -= 1)
    claims = withEdit(random, claims, claimValues(nowSeconds));
  if (random.below(3) === 0) header = withEdit(random, header, HEADER_VALUES);
  const signer = random.below(4) === 0 ? random.pick(signers) : from.signer;
  return makeGenuine(signer, header, claims);
}
