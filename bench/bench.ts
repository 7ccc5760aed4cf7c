/** What a workload is given, and what it gives back. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Family, type Keys, makeKeys } from './fixtures.ts';
import { type Peer, type RunningPeer, type Setup, startPeer } from './peer.ts';
import { startUpstreams, type Upstreams } from './upstream.ts';

/** How much is measured. */
export interface Effort {
  /** Every proxy runs once a round, in the same order, so that a slow minute of the machine hits all of them. */
  readonly rounds: number;
  readonly seconds: number;
  /** Of one pass before the first round, of which there are several where requests are slow; 0: none. */
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** Distinct tokens where every token is new: more than countersign remembers (10,000), so cycling never hits. */
  readonly newTokens: number;
  readonly memoryRequests: number;
  readonly memoryTokens: number;
  /** Refresh tokens beside which a refresh is measured, the fewest first. */
  readonly storedTokens: readonly number[];
  /** False: peers are checked, and only countersign is driven, for a moment. */
  readonly measuresPeers: boolean;
}

export const FULL: Effort = {
  rounds: 5,
  seconds: 4,
  warmUpSeconds: 2,
  connections: 64,
  newTokens: 12_000,
  memoryRequests: 1_000_000,
  memoryTokens: 100_000,
  storedTokens: [1000, 10_000, 100_000, 1_000_000],
  measuresPeers: true,
};

export const SHORT: Effort = {
  rounds: 1,
  seconds: 1,
  warmUpSeconds: 0,
  connections: 16,
  newTokens: 200,
  memoryRequests: 2000,
  memoryTokens: 200,
  storedTokens: [100, 1000],
  measuresPeers: false,
};

export interface Bench {
  readonly effort: Effort;
  readonly folder: string;
  readonly upstreams: Upstreams;
  /** Those that take part. */
  readonly peers: readonly Peer[];
  keysOf(family: Family): Promise<Keys>;
  /** Starts a proxy in front of the small upstream, unless told otherwise. */
  start(peer: Peer, setup?: Partial<Setup>): Promise<RunningPeer>;
  /** Writes a file of requests for the load driver. */
  requests(name: string, lines: readonly string[]): string;
}

/** A goal of the project, and whether this run met it. */
export interface Goal {
  readonly text: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export interface Section {
  readonly title: string;
  /** Markdown. */
  readonly lines: readonly string[];
  readonly goals: readonly Goal[];
}

export interface Workload {
  readonly name: string;
  run(bench: Bench): Promise<Section>;
}

export async function openBench(effort: Effort, peers: readonly Peer[], folder: string): Promise<Bench> {
  const known = new Map<Family, Promise<Keys>>();
  const keysOf = (family: Family) => {
    const keys = known.get(family) ?? makeKeys(join(folder, 'keys'), family);
    known.set(family, keys);
    return keys;
  };
  const upstreams = await startUpstreams(folder, (await keysOf('RS256')).files.jwks);
  let started = 0;
  return {
    effort,
    folder,
    upstreams,
    peers,
    keysOf,
    start: async (peer, setup = {}) => {
      const family = setup.family ?? 'RS256';
      const { files } = await keysOf(family);
      const defaults = { upstreamPort: upstreams.smallPort, family, files, routes: 1, jwksUri: null };
      started += 1;
      return await startPeer(peer, { ...defaults, ...setup, folder: join(folder, `${started}`) });
    },
    requests: (name, lines) => {
      const path = join(folder, `${name}.requests`);
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    },
  };
}
