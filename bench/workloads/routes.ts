/** Many routes: what a request costs with ten, a thousand and ten thousand of them. */
import type { Bench, Section, Workload } from '../bench.ts';
import { checkPeer } from '../check.ts';
import { type Contestant, compare, goodTokens, ratioTo, stopAll } from '../compare.ts';
import { countersign } from '../peers/countersign.ts';
import { median, spread } from '../stats.ts';

const ROUTE_COUNTS = [10, 1000, 10_000];
/** Requests go to ten routes, spread evenly: more would measure the assertion cache, which is by route. */
const USED = 10;
const COST_MOST = 1.1;

export const routes: Workload = { name: 'routes', run };

async function run(bench: Bench): Promise<Section> {
  const { keys, tokens } = await goodTokens(bench, 1);
  const token = tokens[0] ?? '';
  const contestants: Contestant[] = [];
  try {
    for (const count of ROUTE_COUNTS) {
      const running = await bench.start(countersign, { routes: count });
      const used = Array.from({ length: USED }, (_, index) => Math.floor(((index + 1) * count) / USED) - 1);
      const lines = used.map((route) => `GET ${prefixOf(route)}/hello ${token}`);
      const load = {
        requests: bench.requests(`routes-${count}`, lines),
        connections: bench.effort.connections,
      };
      contestants.push({ label: `${count} routes`, running, load });
      await checkPeer({ running, keys, token, prefix: prefixOf(count - 1), bodyBytes: 0 });
    }
    return sectionOf(await compare(bench, contestants));
  } finally {
    await stopAll(contestants.map(({ running }) => running));
  }
}

function prefixOf(route: number): string {
  return route === 0 ? '' : `/route-${route}`;
}

function sectionOf(measured: Awaited<ReturnType<typeof compare>>): Section {
  const most = measured.at(-1);
  const cost = ratioTo(measured, most?.label ?? '') ?? [];
  const text = `${most?.label} cost at most ${COST_MOST} × ten routes`;
  return {
    title: 'Routes',
    lines: [
      '| routes | requests/s: median (least–greatest) | cost of a request × ten routes |',
      '| --- | --- | --- |',
      ...measured.map(({ label, rates }) => {
        return `| ${label} | ${spread(rates, 0)} | ${spread(ratioTo(measured, label) ?? [])} |`;
      }),
    ],
    goals: [{ text, measured: spread(cost), isMet: median(cost) <= COST_MOST }],
  };
}
