/** Addresses in the configuration: where listeners bind, where targets are, whom to believe, what may be fetched. */
import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

export interface BindAddress {
  /** IP address, or `localhost`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const BIND = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/;
const PORT_MAX = 65535;

function parseBind(text: string): BindAddress | null {
  const parts = BIND.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3]);
  if ((host !== 'localhost' && isIP(host) === 0) || !(port <= PORT_MAX)) return null;
  return { host, port };
}

/** `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. */
export function bindAddress(fallback: string) {
  return z
    .string()
    .default(fallback)
    .transform((text, context): BindAddress => {
      const address = parseBind(text);
      if (address !== null) return address;
      context.addIssue({
        code: 'custom',
        message: 'is no address: write 127.0.0.1:8080, 0.0.0.0:8080 or "[::1]:8080"',
      });
      return z.NEVER;
    });
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** Instance metadata of AWS over IPv6 and of Alibaba Cloud; the others live in 169.254.0.0/16. */
const METADATA_HOSTS: ReadonlySet<string> = new Set(['[fd00:ec2::254]', '100.100.100.200']);

/** True where a fetch would reach link-local addresses: instance metadata with its credentials (CWE-918). */
function isLinkLocal(host: string): boolean {
  return /^169\.254\./.test(host) || /^\[fe[89ab]/i.test(host) || METADATA_HOSTS.has(host);
}

/** What is wrong with a URL from which keys are fetched; null where nothing is. */
function keySourceProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return 'is no absolute URL';
  if (url.username !== '' || url.password !== '') return 'has credentials';
  if (url.hash !== '') return 'has a fragment';
  if (isLinkLocal(url.hostname) || /^\[::ffff:/i.test(url.hostname))
    return 'leads to a link-local or metadata address';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must begin with https://';
  return isLoopback(url.hostname) ? null : 'must begin with https:// (http:// only on this machine)';
}

/** A URL from which keys are fetched: https, or http on the loopback address. */
export function keySourceUrl() {
  return z.string().check((context) => {
    const problem = keySourceProblem(context.value);
    if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: '' });
  });
}

/** The issuer of a realm with discovery must be such a URL too. */
export function discoveryProblem(issuer: string): string | null {
  return keySourceProblem(issuer);
}

const TARGET = /^https?:\/\/[^/?#@\\\s]+\/?$/;
const UNIX_TARGET = /^unix:\/[^?#\s]+$/;

/** `http://host:port` and `https://host:port` without a final slash, `unix:/path`; null for anything else. */
export function parseTarget(target: string): string | null {
  if (UNIX_TARGET.test(target)) return target;
  return TARGET.test(target) && URL.canParse(target) ? new URL(target).origin : null;
}

/** Shorter prefixes believe half of the Internet. 10.0.0.0/8 and fc00::/7 are the largest private blocks. */
const PREFIX_BITS_MIN = { 4: 8, 6: 7 } as const;
const PREFIX_BITS_MAX = { 4: 32, 6: 128 } as const;

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export function networkRange() {
  return z.string().transform((text, context): string => {
    const [, address = '', prefixText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const family = isIP(address);
    const problem = rangeProblem(address, family, prefixText);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    return `${address}/${prefixText ?? (family === 4 ? PREFIX_BITS_MAX[4] : PREFIX_BITS_MAX[6])}`;
  });
}

function rangeProblem(address: string, family: number, prefixText: string | undefined): string | null {
  const value = family === 6 ? ipv6Value(address) : 0n;
  if ((family !== 4 && family !== 6) || value === null)
    return 'is no IP range: write 10.0.0.0/8, fd00::/8 or one address';
  const bits = prefixText === undefined ? PREFIX_BITS_MAX[family] : Number(prefixText);
  if (bits > PREFIX_BITS_MAX[family]) return 'has a prefix that is too long';
  if (bits < PREFIX_BITS_MIN[family])
    return `is too wide: believing more than a /${PREFIX_BITS_MIN[family]} lets anybody choose a client address`;
  return family === 6 ? mappedProblem(value, bits) : null;
}

/** RFC 4291 §2.5.5.2: `::ffff:0:0/96`, in which IPv6 has all of IPv4. Who is believed there is believed as IPv4 too. */
const MAPPED = { value: 0xffffn << 32n, bits: 96 } as const;
const GROUP_BITS = 16;

function mappedProblem(value: bigint, bits: number): string | null {
  const sharedBits = BigInt(PREFIX_BITS_MAX[6] - Math.min(bits, MAPPED.bits));
  if (value >> sharedBits !== MAPPED.value >> sharedBits) return null;
  return bits >= MAPPED.bits
    ? 'is an IPv4 range in IPv6 form; write it as IPv4'
    : 'takes in IPv4 addresses, as ::ffff:0:0/96: write a longer prefix, and IPv4 ranges as IPv4';
}

/** All spellings of one address have one value; null for an address with a zone, which names no network. */
function ipv6Value(address: string): bigint | null {
  const canonical = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  if (canonical === undefined) return null;
  const [head = '', tail = ''] = canonical.split('::');
  const groupsOf = (part: string) => part.split(':').filter((group) => group !== '');
  const [first, last] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from(
    { length: PREFIX_BITS_MAX[6] / GROUP_BITS - first.length - last.length },
    () => '0',
  );
  return [...first, ...zeros, ...last].reduce(
    (value, group) => (value << BigInt(GROUP_BITS)) | BigInt(`0x${group}`),
    0n,
  );
}
