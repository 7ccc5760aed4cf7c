/** The Host of a request (RFC 9110 §7.2, RFC 3986 §3.2.2): one grammar, lower case, port apart. */
import { CountersignError } from './errors.ts';

export interface Host {
  /** Lower case, without a trailing dot; IPv6 in brackets, in the one spelling of the URL Standard; empty for an HTTP/1.0 request without Host. */
  readonly name: string;
  readonly port: number | null;
}

export const NO_HOST: Host = { name: '', port: null };

/** 253 characters at most (RFC 1035 §2.3.4); an empty port is none (RFC 3986 §3.2.3). */
const HOST = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})(?::(\d{0,5}))?$/;
const PORT_MAX = 65535;

/** @throws CountersignError bad_host for what is not `name[:port]`, `IPv4[:port]` or `[IPv6][:port]`. */
export function parseHost(text: string): Host {
  const parts = HOST.exec(text);
  if (parts === null) throw new CountersignError('bad_host', 'Host does not match RFC 3986 §3.2.2');
  const [, given = '', digits = ''] = parts;
  if (given.includes('..')) throw new CountersignError('bad_host', 'Host has an empty label');
  const lower = given.toLowerCase();
  const name = lower.startsWith('[') ? canonicalIpv6(lower) : withoutTrailingDot(lower);
  const port = digits === '' ? null : Number(digits);
  if (port !== null && (port > PORT_MAX || port === 0))
    throw new CountersignError('bad_host', 'Host has no valid port');
  return { name, port };
}

function withoutTrailingDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** One address has many spellings, and is one host. `bracketed`: `[…]`. @throws CountersignError bad_host */
function canonicalIpv6(bracketed: string): string {
  const url = URL.parse(`http://${bracketed}/`);
  if (url === null) throw new CountersignError('bad_host', 'Host is no IPv6 address');
  return url.hostname;
}
