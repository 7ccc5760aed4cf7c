/** What the bench knows of a proxy under test: how it is started, and what it promises to do. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Family, KeyFiles } from './fixtures.ts';
import { CORES, type Command, freePort, start, stop } from './process.ts';

export interface Setup {
  /** For configuration and log files; exists. */
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly files: KeyFiles;
  readonly family: Family;
  /** Routes that countersign has: `/`, and `/route-0/` … for the others. */
  readonly routes: number;
  /** Where countersign fetches the issuer's keys; null: it has them as a file. */
  readonly jwksUri: string | null;
}

export interface Peer {
  readonly name: string;
  /** One line for the report. */
  readonly does: string;
  /** True where requests without a good token are answered 401. */
  readonly verifies: boolean;
  /** True where the upstream gets a signed X-JWT-Assertion. */
  readonly mints: boolean;
  /** Why it cannot take part here; null: it can. */
  missing(): string | null;
  version(): string;
  /** Writes what configuration it needs. */
  command(setup: Setup): Command;
}

export interface RunningPeer {
  readonly peer: Peer;
  readonly origin: string;
  readonly pid: number;
  readonly folder: string;
  stop(): Promise<void>;
}

const START_MS_MAX = 20_000;
const POLL_MS = 50;

/** Starts a proxy on the proxy core and waits until it answers at all. */
export async function startPeer(
  peer: Peer,
  setup: Omit<Setup, 'port' | 'folder'> & { readonly folder: string },
): Promise<RunningPeer> {
  const folder = join(setup.folder, peer.name.replaceAll(/[^a-z]+/g, '-'));
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const child = start(peer.command({ ...setup, folder, port }), CORES.proxy, join(folder, 'output.log'));
  const origin = `http://127.0.0.1:${port}`;
  await untilAnswering(child, origin, folder);
  return { peer, origin, pid: child.pid ?? 0, folder, stop: () => stop(child) };
}

export async function untilAnswering(child: ChildProcess, origin: string, folder: string): Promise<void> {
  const deadlineMs = performance.now() + START_MS_MAX;
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null)
      throw new Error(`a server ended with ${child.exitCode}, see ${folder}/output.log`);
    if (await isAnswering(origin)) return;
    await sleep(POLL_MS);
  }
  await stop(child);
  throw new Error(`a server does not answer, see ${folder}/output.log`);
}

async function isAnswering(origin: string): Promise<boolean> {
  try {
    await (await fetch(origin)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
