/** Who the client is, when proxies that the configuration trusts stand in front. Nobody is trusted by default. */
import { BlockList, isIP } from 'node:net';
import { type HeaderList, headerValues } from '../core/headers.ts';

export interface TrustedProxies {
  /** `address`: IPv4 or IPv6, also IPv4-mapped. */
  includes(address: string): boolean;
}

/**
 * @param ranges Addresses or CIDR ranges.
 * @throws TypeError for what is neither
 */
export function compileTrustedProxies(ranges: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const version = isIP(address);
    if (version === 0) throw new TypeError(`${range} is neither an address nor a CIDR range`);
    list.addSubnet(address, prefix === undefined ? bitsOf(version) : Number(prefix), family(version));
  }
  return {
    includes: (given) => {
      if (ranges.length === 0) return false;
      const address = plainAddress(given);
      const version = isIP(address);
      return version !== 0 && list.check(address, family(version));
    },
  };
}

function bitsOf(version: number): number {
  return version === 6 ? 128 : 32;
}

function family(version: number): 'ipv4' | 'ipv6' {
  return version === 6 ? 'ipv6' : 'ipv4';
}

/** IPv4 also where the socket is a dual-stack one (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  if (!address.startsWith(':')) return address; // most of them
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}

export interface ClientOrigin {
  /** The nearest address that is no trusted proxy. */
  readonly address: string;
  /** X-Forwarded-For for the upstream. */
  readonly forwardedFor: string;
  /** As a trusted proxy reported them; null: ask the connection. */
  readonly host: string | null;
  readonly proto: 'http' | 'https' | null;
}

/** Entries of X-Forwarded-For that are followed; longer chains are cut, which only makes the client look nearer. */
const CHAIN_MAX = 32;

/** `peer`: address of the connection. */
export function clientOrigin(peer: string, headers: HeaderList, trusted: TrustedProxies): ClientOrigin {
  const near = plainAddress(peer);
  if (!trusted.includes(near)) return { address: near, forwardedFor: near, host: null, proto: null };
  const chain = [...forwardedFor(headers), near];
  const address = chain.findLast((one) => !trusted.includes(one)) ?? near;
  const proto = only(headers, 'x-forwarded-proto');
  return {
    address,
    forwardedFor: chain.join(', '),
    host: hostOf(only(headers, 'x-forwarded-host')),
    proto: proto === 'http' || proto === 'https' ? proto : null,
  };
}

/** The addresses of the chain, up to the first entry, from the right, that is none. */
function forwardedFor(headers: HeaderList): string[] {
  const entries = headerValues(headers, 'x-forwarded-for')
    .flatMap((value) => value.split(','))
    .map((entry) => plainAddress(entry.trim()))
    .slice(-CHAIN_MAX);
  return entries.slice(entries.findLastIndex((entry) => isIP(entry) === 0) + 1);
}

function only(headers: HeaderList, name: string): string | null {
  const values = headerValues(headers, name);
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** Host characters (RFC 3986 §3.2.2); anything else a proxy said is not repeated. */
const HOST = /^[A-Za-z0-9._\-[\]:]{1,255}$/;

function hostOf(text: string | null): string | null {
  return text !== null && HOST.test(text) ? text : null;
}
