/** Ten thousand connections, opened and ended in every phase: no timer, no socket, no handler is left of them. */
import { describe, expect, it } from 'vitest';
import { ServerConnection } from '../../src/http/http1/connection.ts';
import { liveCount } from '../support/heap.ts';
import { listenerPerTest, requestOf } from '../support/listener.ts';
import { clientIn, PHASES, PhaseHandler } from '../support/phases.ts';
import { openClient, type WireClient } from './support/client.ts';

const start = listenerPerTest();

const CONNECTIONS = 10_000;
/** At a time: each takes two files of the test's own process. */
const BATCH = 100;
const TIMEOUT_MS = 120_000;

/** What keeps this process alive. A timer that is unref'd is not in it, but keeps its connection in memory. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const ENDINGS: readonly ((client: WireClient) => void)[] = [
  (client) => client.finish(),
  (client) => client.cut(),
  (client) => client.cut(true),
];

describe(`${CONNECTIONS} connections`, () => {
  it(
    'that are ended in every phase, in every way, leave nothing behind',
    async () => {
      const handler = new PhaseHandler();
      const { port, listener, log } = await start(handler.handle);
      const before = resources();
      await openAndEnd(port, handler, CONNECTIONS);
      await expect.poll(() => handler.underWay).toBe(0);
      await expect.poll(() => resources()['TCPSocketWrap'] ?? 0).toBe(before['TCPSocketWrap'] ?? 0);
      await expect.poll(() => liveCount(ServerConnection), { timeout: 5000 }).toBe(0);
      const client = await openClient(port);
      client.send(requestOf('/1', 'Connection: close\r\n'));
      expect((await client.closed()).responses).toHaveLength(1);
      await listener.close(TIMEOUT_MS);
      expect(log).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

async function openAndEnd(port: number, handler: PhaseHandler, count: number): Promise<void> {
  for (let made = 0; made < count; made += BATCH) {
    const clients = await Promise.all(
      Array.from({ length: BATCH }, (_, index) => inPhase(made + index, port, handler)),
    );
    clients.forEach((client, index) => {
      ENDINGS[(made + index) % ENDINGS.length]?.(client);
    });
    await Promise.all(clients.map((client) => client.closed()));
  }
}

async function inPhase(index: number, port: number, handler: PhaseHandler): Promise<WireClient> {
  const phase = PHASES[index % PHASES.length];
  if (phase === undefined) throw new Error('no phase');
  return await clientIn(phase, port, handler);
}
