/**
 * The PROXY protocol, version 2: the first bytes of a connection, in which a load balancer says who the client is
 * (haproxy.org/download/3.2/doc/proxy-protocol.txt §2.2). Version 1, being text, is refused.
 */
import { isIPv4, SocketAddress } from 'node:net';

export interface ProxyHeader {
  /** Length of the header: what follows belongs to the client. */
  readonly bytes: number;
  /** Address of the client; null where the load balancer speaks for itself, as in its health checks. */
  readonly source: string | null;
}

/** Not a header of version 2, or one that no HTTP client can be behind. For the operator. */
export class ProxyProtocolError extends Error {
  override readonly name = 'ProxyProtocolError';
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length of the rest. */
const FIXED_BYTES = 16;
/** Longest header that is read: addresses take 36 bytes, the rest is room for the extensions of load balancers. */
export const PROXY_HEADER_BYTES_MAX = 2048;

const VERSION_2 = 0x20;
const COMMANDS = { local: 0x0, proxy: 0x1 } as const;
/** Family and transport: TCP only, since nothing else carries HTTP/1.1. */
const FAMILIES = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21 } as const;
/** Two addresses and two ports. */
const TCP4_BYTES = 12;
const TCP6_BYTES = 36;

/**
 * Extensions (TLVs) are stepped over: none of them changes who the client is.
 *
 * @returns null while the header is incomplete
 * @throws ProxyProtocolError as soon as the bytes cannot become a header
 */
export function parseProxyHeader(received: Buffer): ProxyHeader | null {
  requireSignature(received);
  if (received.length < FIXED_BYTES) return null;
  const restBytes = received.readUInt16BE(14);
  const bytes = FIXED_BYTES + restBytes;
  if (bytes > PROXY_HEADER_BYTES_MAX) throw new ProxyProtocolError(`the header has ${bytes} bytes`);
  const isLocal = commandOf(received.readUInt8(12)) === COMMANDS.local;
  const read = isLocal ? null : addressReader(received.readUInt8(13), restBytes);
  if (received.length < bytes) return null;
  return { bytes, source: read === null ? null : read(received.subarray(FIXED_BYTES, bytes)) };
}

function requireSignature(received: Buffer): void {
  const known = Math.min(received.length, SIGNATURE.length);
  if (received.subarray(0, known).equals(SIGNATURE.subarray(0, known))) return;
  const isText = received.subarray(0, 5).toString('latin1') === 'PROXY';
  throw new ProxyProtocolError(
    isText ? 'version 1 is not accepted' : 'the connection does not begin with it',
  );
}

function commandOf(byte: number): number {
  const command = byte & 0x0f;
  if ((byte & 0xf0) !== VERSION_2) throw new ProxyProtocolError('the version is not 2');
  if (command !== COMMANDS.local && command !== COMMANDS.proxy)
    throw new ProxyProtocolError('the command is neither LOCAL nor PROXY');
  return command;
}

/** Null where the sender does not know the addresses (§2.2, AF_UNSPEC). */
function addressReader(family: number, restBytes: number): ((addresses: Buffer) => string) | null {
  switch (family) {
    case FAMILIES.unspecified:
      return null;
    case FAMILIES.tcp4:
      requireLength(restBytes, TCP4_BYTES);
      return (addresses) => addresses.subarray(0, 4).join('.');
    case FAMILIES.tcp6:
      requireLength(restBytes, TCP6_BYTES);
      return (addresses) => ipv6Text(addresses.subarray(0, 16));
    default:
      throw new ProxyProtocolError('the connection is no TCP one');
  }
}

function requireLength(bytes: number, least: number): void {
  if (bytes < least) throw new ProxyProtocolError('the addresses are cut short');
}

/** As the system writes addresses of sockets: compressed, and IPv4-mapped ones with dots. */
function ipv6Text(bytes: Buffer): string {
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  const { address } = new SocketAddress({ family: 'ipv6', address: groups.join(':') });
  const mapped = address.toLowerCase().replace(/^::ffff:/, '');
  return isIPv4(mapped) ? mapped : address;
}
