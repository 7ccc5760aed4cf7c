/**
 * Floods of bad requests beside a few good ones: the p99 of the good ones against that of an idle gateway. A flood
 * comes at half the rate at which this gateway refuses such requests, as measured just before; a flood that takes the
 * whole core is shown beside it.
 */
import type { Bench, Section, Workload } from '../bench.ts';
import { goodTokens } from '../compare.ts';
import { type Keys, makeTokens, withBadSignature } from '../fixtures.ts';
import { drive, type Load } from '../load/load.ts';
import type { RunningPeer } from '../peer.ts';
import { countersign } from '../peers/countersign.ts';
import { median, spread } from '../stats.ts';

const GOOD_PER_SECOND = 200;
const GOOD_CONNECTIONS = 16;
const FLOOD_CONNECTIONS = 16;
const FLOOD_TOKENS = 200;
/** Of the rate at which the gateway refuses when it does nothing else. */
const FLOOD_SHARE = 0.5;
/** More than this our own driver does not send from the core that it shares with the upstream. */
const FLOOD_PER_SECOND_MOST = 4000;
const SLOWER_MOST = 3;
/** The p99 of 400 requests would be the fourth slowest of them. */
const GOOD_SECONDS_FACTOR = 3;

export const floods: Workload = { name: 'floods', run };

interface Flood {
  readonly name: string;
  readonly requests: string;
  readonly perSecond: number | undefined;
}

async function run(bench: Bench): Promise<Section> {
  const { keys, tokens } = await goodTokens(bench, 1);
  const jwksUri = `http://127.0.0.1:${bench.upstreams.bodyPort}/jwks`;
  const running = await bench.start(countersign, { jwksUri });
  try {
    const good = bench.requests('good', [`GET /hello ${tokens[0]}`]);
    await drive({ origin: running.origin, requests: good, connections: 4, seconds: 1 });
    const floodList = await floodsOf(bench, keys, running);
    const idle: number[] = [];
    const beside = new Map(
      floodList.map(({ name }) => [name, { p99sMs: [0].slice(1), slower: [0].slice(1) }]),
    );
    for (let round = 0; round < bench.effort.rounds; round += 1) {
      const idleMs = await goodP99Ms(bench, running, good, null);
      idle.push(idleMs);
      for (const flood of floodList) {
        const p99Ms = await goodP99Ms(bench, running, good, flood);
        beside.get(flood.name)?.p99sMs.push(p99Ms);
        beside.get(flood.name)?.slower.push(p99Ms / idleMs);
      }
    }
    return sectionOf(idle, floodList, beside);
  } finally {
    await running.stop();
  }
}

async function floodsOf(bench: Bench, keys: Keys, running: RunningPeer): Promise<Flood[]> {
  const honest = await makeTokens(keys, 'RS256', FLOOD_TOKENS);
  const strange = await makeTokens(keys, 'RS256', FLOOD_TOKENS, (index) => `nobody-${index}`);
  const lines = (tokens: string[]) => tokens.map((token) => `GET /hello ${token}`);
  const kinds = [
    ['bad signatures', bench.requests('bad-signatures', lines(honest.map(withBadSignature)))],
    ['unknown kids', bench.requests('unknown-kids', lines(strange))],
  ] as const;
  const all: Flood[] = [];
  for (const [name, requests] of kinds) {
    const load = { origin: running.origin, requests, connections: FLOOD_CONNECTIONS, seconds: 1 };
    const { requests: count, seconds, refused } = await drive(load);
    if (refused < count) throw new Error(`${name}: ${count - refused} of ${count} were not refused`);
    const perSecond = Math.min(FLOOD_PER_SECOND_MOST, Math.round((count / seconds) * FLOOD_SHARE));
    all.push({ name: `${name}, ${perSecond}/s`, requests, perSecond });
    all.push({ name: `${name}, as fast as answered`, requests, perSecond: undefined });
  }
  return all;
}

async function goodP99Ms(
  { effort }: Bench,
  { origin }: RunningPeer,
  good: string,
  flood: Flood | null,
): Promise<number> {
  // Two drivers that have just started compile themselves on one core: that is not what is measured.
  const { warmUpSeconds } = effort;
  const seconds = warmUpSeconds === 0 ? effort.seconds : warmUpSeconds + effort.seconds * GOOD_SECONDS_FACTOR;
  const goodLoad: Load = {
    origin,
    requests: good,
    connections: GOOD_CONNECTIONS,
    seconds,
    perSecond: GOOD_PER_SECOND,
    warmUpSeconds,
  };
  const [result] = await Promise.all([
    drive(goodLoad),
    flood === null ? null : drive(besides(origin, flood, seconds)),
  ]);
  if (result.refused + result.broken > 0) throw new Error(`${result.refused} good requests were refused`);
  return result.p99Ms;
}

function besides(origin: string, { requests, perSecond }: Flood, seconds: number): Load {
  const load = { origin, requests, connections: FLOOD_CONNECTIONS, seconds };
  return perSecond === undefined ? load : { ...load, perSecond };
}

function sectionOf(
  idle: number[],
  all: readonly Flood[],
  beside: ReadonlyMap<string, { p99sMs: number[]; slower: number[] }>,
): Section {
  const rows = all.map(({ name }) => {
    const { p99sMs = [], slower = [] } = beside.get(name) ?? {};
    return `| ${name} | ${spread(p99sMs)} | ${spread(slower)} |`;
  });
  const goals = all
    .filter(({ perSecond }) => perSecond !== undefined)
    .map(({ name }) => {
      const slower = beside.get(name)?.slower ?? [];
      const text = `flood of ${name}: good requests keep p99 ≤ ${SLOWER_MOST} × idle`;
      return { text, measured: spread(slower), isMet: median(slower) <= SLOWER_MOST };
    });
  return {
    title: `Floods beside ${GOOD_PER_SECOND} good requests a second`,
    lines: [
      '| flood | p99 ms of good requests: median (least–greatest) | × idle |',
      '| --- | --- | --- |',
      `| none | ${spread(idle)} | |`,
      ...rows,
    ],
    goals,
  };
}
