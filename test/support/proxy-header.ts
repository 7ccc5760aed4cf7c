/** PROXY protocol headers of version 2, right and wrong ones, written without the code under test. */
import { isIPv4 } from 'node:net';

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export interface ProxyHeaderFields {
  /** Version and command; 0x21, PROXY, unless told. */
  readonly command?: number;
  /** Family and transport; that of `source` unless told. */
  readonly family?: number;
  /** Address of the client; 192.0.2.1 unless told. */
  readonly source?: string;
  /** In the place of what `source` makes. */
  readonly addresses?: Buffer;
  readonly extensions?: Buffer;
}

export function proxyHeader(fields: ProxyHeaderFields = {}): Buffer {
  const { command = 0x21, source = '192.0.2.1', extensions = Buffer.alloc(0) } = fields;
  const family = fields.family ?? (isIPv4(source) ? 0x11 : 0x21);
  const client = addressBytes(source);
  const ports = Buffer.from([0x13, 0x88, 0x00, 0x50]);
  const rest = Buffer.concat([fields.addresses ?? Buffer.concat([client, client, ports]), extensions]);
  const fixed = Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, rest]);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = mappedAsHex(address).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(Math.max(missing, 0)).fill('0'), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function mappedAsHex(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}
