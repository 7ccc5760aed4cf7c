/** A TCP front with one address for ever: passes each connection to the gateway of the moment. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Front {
  readonly port: number;
  /** New connections go there from now on. */
  switchTo(port: number): void;
  close(): void;
}

/** A gateway that does not accept yet is asked again, as load balancers do. */
const CONNECT_RETRY_MS = 50;
const CONNECT_TRIES_MAX = 100;

export async function startFront(firstPort: number): Promise<Front> {
  let target = firstPort;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    join(client, () => target, CONNECT_TRIES_MAX);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    switchTo: (port) => {
      target = port;
    },
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function join(client: Socket, target: () => number, triesLeft: number): void {
  const gateway = connect({ port: target(), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const retry = () => {
    if (triesLeft === 0) client.destroy();
    else setTimeout(() => join(client, target, triesLeft - 1), CONNECT_RETRY_MS);
  };
  gateway.once('error', retry);
  gateway.once('connect', () => {
    gateway.off('error', retry).on('error', () => client.destroy());
    client.once('close', () => gateway.destroy());
    client.pipe(gateway).pipe(client);
  });
}
