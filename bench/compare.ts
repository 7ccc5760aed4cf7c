/** Proxies beside each other under one load: checked, warmed up, then measured in interleaved rounds. */
import type { Bench } from './bench.ts';
import { checkPeer } from './check.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { type Keys, makeTokens } from './fixtures.ts';
import { drive, type Load, type LoadResult } from './load/load.ts';
import type { RunningPeer } from './peer.ts';
import { median, ratios, spread } from './stats.ts';
import { warmUp } from './warm-up.ts';

export interface Contestant {
  readonly label: string;
  readonly running: RunningPeer;
  readonly load: Omit<Load, 'origin' | 'seconds'>;
  /** True where every answer is a refusal. */
  readonly isRefused?: boolean;
}

export interface Measured {
  readonly label: string;
  /** Requests a second, one figure a round. */
  readonly rates: number[];
  readonly p99sMs: number[];
  /** Processor time of the proxy for one request, in microseconds. */
  readonly cpuUs: number[];
}

/** Checks all, then measures them round by round, and stops them whatever happens. */
export async function compare(
  bench: Bench,
  contestants: readonly Contestant[],
  eachRound: () => Promise<void> = async () => {},
): Promise<Measured[]> {
  const { effort } = bench;
  const driven = effort.measuresPeers ? contestants : contestants.filter(isOurs);
  const measured = driven.map(({ label }): Measured => ({ label, rates: [], p99sMs: [], cpuUs: [] }));
  const sent = new Map<string, number>();
  const run = async (contestant: Contestant, seconds: number) => {
    const { label, load, running } = contestant;
    const offset = sent.get(label) ?? 0;
    const result = await drive({ ...load, offset, origin: running.origin, seconds });
    sent.set(label, offset + result.requests + load.connections);
    requireExpected(contestant, result);
    return result;
  };
  for (const one of driven) await warmUp(effort.warmUpSeconds, (seconds) => run(one, seconds));
  for (let round = 0; round < effort.rounds; round += 1) {
    await eachRound();
    for (const [index, contestant] of driven.entries()) {
      const before = cpuTimeMs(contestant.running.pid);
      const { requests, seconds, p99Ms } = await run(contestant, effort.seconds);
      const usedMs = cpuTimeMs(contestant.running.pid) - before;
      measured[index]?.rates.push(requests / seconds);
      measured[index]?.p99sMs.push(p99Ms);
      measured[index]?.cpuUs.push((usedMs * 1000) / requests);
    }
  }
  return measured;
}

function isOurs({ running }: Contestant): boolean {
  return running.peer.name === 'countersign';
}

/** A proxy that fails under load has no speed. */
function requireExpected({ label, isRefused }: Contestant, { requests, refused, broken }: LoadResult): void {
  const expected = isRefused === true ? requests : 0;
  if (requests > 0 && refused === expected && broken === 0) return;
  throw new Error(`${label}: of ${requests} requests ${refused} were refused and ${broken} broke`);
}

/** Starts every peer that takes part, and proves each correct; otherwise none is left running. */
export async function startAll(
  bench: Bench,
  setup: Parameters<Bench['start']>[1] & { bodyBytes?: number },
): Promise<RunningPeer[]> {
  const keys = await bench.keysOf('RS256');
  const [token = ''] = await makeTokens(keys, 'RS256', 1);
  const started = await Promise.allSettled(bench.peers.map((peer) => bench.start(peer, setup)));
  const running = started.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  try {
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    for (const one of running)
      await checkPeer({ running: one, keys, token, prefix: '', bodyBytes: setup.bodyBytes ?? 0 });
    return running;
  } catch (thrown) {
    await stopAll(running);
    throw thrown;
  }
}

export async function stopAll(running: readonly RunningPeer[]): Promise<void> {
  await Promise.all(running.map((one) => one.stop()));
}

export async function goodTokens(bench: Bench, count: number): Promise<{ keys: Keys; tokens: string[] }> {
  const keys = await bench.keysOf('RS256');
  return { keys, tokens: await makeTokens(keys, 'RS256', count) };
}

/** Markdown: rates, p99, and our rate as a multiple of each peer's. */
export function rateTable(measured: readonly Measured[], running: readonly RunningPeer[]): string[] {
  const ours = measured[0]?.rates ?? [];
  const rows = measured.map(({ label, rates, p99sMs, cpuUs }) => {
    const does = running.find(({ peer }) => peer.name === label)?.peer.does ?? '';
    const ratio = rates === ours ? '' : spread(ratios(ours, rates));
    const p99 = median(p99sMs).toFixed(2);
    return `| ${label} | ${does} | ${spread(rates, 0)} | ${p99} | ${spread(cpuUs, 0)} | ${ratio} |`;
  });
  return [
    '| proxy | what it does | requests/s: median (least–greatest) | p99 ms | CPU µs a request | countersign is × as fast |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

/** Our median ratio to a peer; null where it did not run. */
export function ratioTo(measured: readonly Measured[], label: string): number[] | null {
  const theirs = measured.find((one) => one.label === label);
  return theirs === undefined ? null : ratios(measured[0]?.rates ?? [], theirs.rates);
}
