/** The two tortures: a gateway that reloads under load, and gateways that replace one another behind a front. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removedAtExit } from '../../test/support/endings.ts';
import { type Backend, startBackend } from './backend.ts';
import { startFront } from './front.ts';
import { type Gateway, type Plan, startGateway, tokenFor } from './gateway.ts';
import { type LoadResult, startLoad } from './load.ts';

export interface Torture {
  readonly times: number;
  readonly requestsPerSecond: number;
  /** Of each gateway; 1 unless told. */
  readonly workers?: number;
  readonly onProgress?: (done: number) => void;
}

export interface ReloadResult extends LoadResult {
  readonly reloads: number;
  /** Files with a mistake, offered in between and refused (row Y02). */
  readonly refused: number;
}

export interface RestartResult extends LoadResult {
  readonly restarts: number;
  readonly exitCodes: readonly (number | null)[];
}

/** One file in so many has a mistake. */
const BROKEN_EVERY = 5;
/** Requests that each configuration, or process, has to answer before the next one comes. */
const ANSWERS_BETWEEN = 10;
/** After the switch, until connections to the old gateway stand; then they are accepted by it. */
const SETTLE_MS = 200;
const STREAM_CHUNKS = 30;

interface Scene {
  readonly plans: readonly [Plan, Plan];
  readonly backends: readonly Backend[];
  /** Killed with the scene, where it is not stopped before. */
  start(plan: Plan): Promise<Gateway>;
}

/** Reloads `times` times, mistakes counted, with one stream from the first to the last. */
export function tortureReload({
  times,
  requestsPerSecond,
  workers = 1,
  onProgress,
}: Torture): Promise<ReloadResult> {
  return withScene(workers, async ({ plans, backends, start }) => {
    const gateway = await start(plans[0]);
    const port = gateway.proxyPort;
    const load = startLoad({ port, token: tokenFor('reload'), requestsPerSecond, streamChunks: null });
    let refused = 0;
    for (let done = 1; done <= times; done += 1) {
      await answers(load.ended, ANSWERS_BETWEEN);
      const isBroken = done % BROKEN_EVERY === 0;
      await change(gateway, isBroken ? 'broken' : plans[done % 2 === 0 ? 0 : 1]);
      if (isBroken) refused += 1;
      onProgress?.(done);
    }
    await answers(load.ended, ANSWERS_BETWEEN);
    const stopping = load.stop();
    for (const backend of backends) backend.endStreams();
    const result = await stopping;
    await gateway.stop();
    return { ...result, reloads: times - refused, refused };
  });
}

/** @throws Error where a mistake is taken, or a good file refused */
async function change(gateway: Gateway, plan: Plan | 'broken'): Promise<void> {
  const isTaken = await gateway.reload(plan);
  if (isTaken === (plan === 'broken'))
    throw new Error(isTaken ? 'a mistake was taken' : 'a good file was refused');
}

/** Replaces the gateway `times` times, as a rolling update does: the new one is ready before the old one is told to go. */
export function tortureRestart({
  times,
  requestsPerSecond,
  workers = 1,
  onProgress,
}: Torture): Promise<RestartResult> {
  return withScene(workers, async ({ plans, start }) => {
    let gateway = await start(plans[0]);
    const front = await startFront(gateway.proxyPort);
    const { port } = front;
    const token = tokenFor('restart');
    const load = startLoad({ port, token, requestsPerSecond, streamChunks: STREAM_CHUNKS });
    const exitCodes: (number | null)[] = [];
    for (let done = 1; done <= times; done += 1) {
      await answers(load.ended, ANSWERS_BETWEEN);
      const next = await start(plans[done % 2 === 0 ? 0 : 1]);
      front.switchTo(next.proxyPort);
      await delay(SETTLE_MS);
      await gateway.caughtUp();
      exitCodes.push(await gateway.stop());
      gateway = next;
      onProgress?.(done);
    }
    const result = await load.stop();
    exitCodes.push(await gateway.stop());
    front.close();
    return { ...result, restarts: times, exitCodes };
  });
}

/** Two backends, each with a plan whose application bears its name: an answer shows whether one plan made it. */
async function withScene<T>(workers: number, play: (scene: Scene) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-torture-'));
  const removeFolder = removedAtExit(folder);
  const backends = [await startBackend('even'), await startBackend('odd')] as const;
  const [even, odd] = backends;
  const gateways: Gateway[] = [];
  const start = async (plan: Plan) => {
    const gateway = await startGateway(folder, plan);
    gateways.push(gateway);
    return gateway;
  };
  const plans = [
    { application: 'even', upstream: even.url, workers },
    { application: 'odd', upstream: odd.url, workers },
  ] as const;
  try {
    return await play({ plans, backends, start });
  } finally {
    for (const { kill } of gateways) kill();
    for (const { close } of backends) close();
    removeFolder();
  }
}

/** Waits until so many requests more are over. */
async function answers(ended: () => number, more: number): Promise<void> {
  const wanted = ended() + more;
  while (ended() < wanted) await delay(1);
}
