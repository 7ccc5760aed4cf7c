/** Which addresses the gateway fetches documents from: never link-local ones or the metadata services of clouds. */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Refused before or while connecting: the host must not be contacted. The message names the host. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** What answers there hands out credentials of the machine to whoever asks (CWE-918). */
const FORBIDDEN = subnets([
  ['169.254.0.0', 16], // link-local and the metadata service of most clouds
  ['fe80::', 10], // link-local
  ['fd00:ec2::254', 128], // AWS over IPv6
  ['fd20:ce::254', 128], // Google Cloud over IPv6
  ['100.100.100.200', 32], // Alibaba Cloud
  ['192.0.0.192', 32], // Oracle Cloud
  ['168.63.129.16', 32], // Azure
  ['64:ff9b::a9fe:0', 112], // 169.254.0.0/16 through NAT64 (RFC 6052)
  ['2002:a9fe::', 32], // 169.254.0.0/16 through 6to4 (RFC 3056)
]);

const LOOPBACK = subnets([
  ['127.0.0.0', 8],
  ['::1', 128],
]);

/** `localhost`, names below it (RFC 6761 §6.3) and loopback addresses. `host` as a URL spells it, IPv6 in brackets. */
export function isLoopbackHost(host: string): boolean {
  const name = withoutBrackets(host);
  return isIP(name) === 0 ? /^(?:.+\.)?localhost\.?$/.test(name) : contains(LOOPBACK, name);
}

/** For hosts that are addresses already: these are connected to without a look-up. @throws AddressError */
export function requireAllowedHost(host: string): void {
  const name = withoutBrackets(host);
  if (isIP(name) !== 0) requireAllowedAddress(host, name);
}

/**
 * dns.lookup that fails on forbidden addresses. Given to the connecting socket, so that the address checked is the
 * address contacted, also where the name resolves to another one a moment later.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const refusal = error ?? refusalOf(hostname, addresses);
    const [first] = addresses ?? [];
    if (refusal !== null) callback(refusal, '', 0);
    else if (options.all === true) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family ?? 0);
  });
};

function refusalOf(
  hostname: string,
  addresses: readonly { readonly address: string }[],
): AddressError | null {
  try {
    for (const { address } of addresses) requireAllowedAddress(hostname, address);
    return null;
  } catch (error) {
    if (error instanceof AddressError) return error;
    throw error;
  }
}

function requireAllowedAddress(host: string, address: string): void {
  if (contains(FORBIDDEN, address))
    throw new AddressError(`${host} is the link-local or metadata address ${address}`);
  if (isLoopbackHost(host) && !contains(LOOPBACK, address))
    throw new AddressError(`${host} resolves to ${address}, which is not loopback`);
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function subnets(nets: readonly [address: string, bits: number][]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of nets) list.addSubnet(address, bits, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
