/** Ten thousand connections, opened and ended in every phase: no timer, no socket, no handler is left of them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { listenerPerTest, requestOf } from '../support/listener.ts';
import { clientIn, PHASES, PhaseHandler } from '../support/phases.ts';
import { openClient, type WireClient } from './support/client.ts';

const start = listenerPerTest();

const CONNECTIONS = 10_000;
/** At a time: each takes two files of the test's own process. */
const BATCH = 100;
/** Code is compiled, and what node:net keeps for reuse is there. */
const WARM_UP = 1000;
const TIMEOUT_MS = 120_000;

/** A connection with its socket and timers takes fifty times as much: a timer that was forgotten would keep all of it. */
const BYTES_LEFT_MAX = 200;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** What keeps this process alive: timers that are unref'd are not in it. */
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
      await openAndEnd(port, handler, WARM_UP);
      const heapBefore = heapBytes();
      await openAndEnd(port, handler, CONNECTIONS);
      await expect.poll(() => handler.underWay).toBe(0);
      await expect.poll(() => resources()['TCPSocketWrap'] ?? 0).toBe(before['TCPSocketWrap'] ?? 0);
      await expect
        .poll(() => (heapBytes() - heapBefore) / CONNECTIONS, { timeout: 5000 })
        .toBeLessThan(BYTES_LEFT_MAX);
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
