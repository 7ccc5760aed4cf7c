/** The URL of a PostgreSQL database as connection settings. What is wrong is said without the URL: it holds a password. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** False: in the clear. */
  readonly ssl: ConnectionOptions | false;
}

const DEFAULT_PORT = 5432;
/** Every mode that encrypts verifies the server too: encryption towards anybody protects nothing. */
const VERIFIED_MODES = ['verify-full', 'verify-ca', 'require'];
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
];

function parse(url: string): URL {
  try {
    // An empty host, as for sockets, is none to the URL standard when a user stands before it.
    return new URL(url.replace('@/', '@localhost/').replace(':///', '://localhost/'));
  } catch {
    throw new TypeError('The PostgreSQL URL is no URL');
  }
}

function checkParameters({ protocol, searchParams }: URL): void {
  if (protocol !== 'postgres:' && protocol !== 'postgresql:')
    throw new TypeError('The PostgreSQL URL begins with neither postgres:// nor postgresql://');
  const unknown = [...searchParams.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`The PostgreSQL URL has an unknown parameter: it knows ${PARAMETERS.join(', ')}`);
}

/** A unix socket, or an address that leaves no machine. */
export function isLocal(host: string): boolean {
  return (
    host.startsWith('/') ||
    host === 'localhost' ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}

function file(parameters: URLSearchParams, name: string): string | undefined {
  const path = parameters.get(name);
  return path === null ? undefined : readFileSync(path, 'utf8');
}

function tlsOf(host: string, parameters: URLSearchParams): ConnectionOptions | false {
  const mode = parameters.get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full');
  if (mode === 'disable') return false;
  if (!VERIFIED_MODES.includes(mode))
    throw new TypeError('The PostgreSQL URL has an sslmode other than verify-full and disable');
  const [ca, cert, key] = ['sslrootcert', 'sslcert', 'sslkey'].map((name) => file(parameters, name));
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/**
 * `postgres://user:password@host:5432/database?sslmode=verify-full`, or `?host=/run/postgresql` for a socket. TLS is
 * verified unless the address is loopback or a socket; `sslmode=disable` switches it off.
 *
 * @throws TypeError for what is no such URL; Error where a certificate file cannot be read
 */
export function parsePostgresUrl(url: string): PostgresAddress {
  const parsed = parse(url);
  checkParameters(parsed);
  const { searchParams: given } = parsed;
  const host = given.get('host') ?? decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  const user = given.get('user') ?? decodeURIComponent(parsed.username);
  if (user === '') throw new TypeError('The PostgreSQL URL names no user');
  const database = given.get('dbname') ?? decodeURIComponent(parsed.pathname.slice(1));
  return {
    host,
    port: Number(given.get('port') ?? (parsed.port || DEFAULT_PORT)),
    user,
    password: given.get('password') ?? (parsed.password ? decodeURIComponent(parsed.password) : undefined),
    database: database || user,
    ssl: tlsOf(host, given),
  };
}
