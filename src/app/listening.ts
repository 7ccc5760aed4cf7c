/** Listeners as the configuration names them: started with an error that says which, and the origin they answer at. */
import { type AddressInfo, createServer } from 'node:net';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Bind, Listener } from '../http/server.ts';

const CAUSES: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'the port is in use'],
  ['EACCES', 'this user may not use the port'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['ENOTFOUND', 'the name has no address'],
]);

interface ListenerPlace {
  readonly bind: Bind;
  /** Absent or null: plain HTTP. */
  readonly tls?: ListenerTls | null;
}

/** Returns the origin. @throws Error that names the listener, its address and what is in the way */
export async function startListener(
  name: 'proxy' | 'ops' | 'api',
  listener: Listener,
  { bind: { host, port }, tls = null }: ListenerPlace,
): Promise<string> {
  try {
    const address = await listener.start();
    return `${tls === null ? 'http' : 'https'}://${reachable(address)}`;
  } catch (cause) {
    throw inTheWay(name, { host, port }, cause);
  }
}

/**
 * The port on which workers will listen side by side. It is taken alone for a moment: whoever else listens there is in
 * the way, and must not come to share the clients.
 *
 * @throws Error that names the listener, its address and what is in the way
 */
export async function reservePort(
  name: 'proxy' | 'api',
  { bind: { host, port } }: ListenerPlace,
): Promise<number> {
  const server = createServer();
  const taken = new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(address === null || typeof address === 'string' ? port : address.port);
    });
  });
  try {
    return await taken;
  } catch (cause) {
    throw inTheWay(name, { host, port }, cause);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function inTheWay(name: string, { host, port }: Bind, cause: unknown): Error {
  const where = `listeners.${name} cannot listen on ${authority(host, port)}`;
  return new Error(`${where}: ${causeText(cause)}`, { cause });
}

function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? String(cause.code) : '';
  return CAUSES.get(code) ?? cause.message;
}

/** A wildcard address is reached over the loopback one. */
function reachable({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return authority(host, port);
}

function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
