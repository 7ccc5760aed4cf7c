/** Every token is new: the cost of one verification and one signature, against what the cryptography alone allows. */
import { join } from 'node:path';
import type { Bench, Section, Workload } from '../bench.ts';
import { compare, goodTokens, rateTable, startAll, stopAll } from '../compare.ts';
import type { Keys } from '../fixtures.ts';
import { CORES, outputOf } from '../process.ts';
import { median, ratios, spread } from '../stats.ts';

const SHARE_LEAST = 0.85;

export const newTokens: Workload = { name: 'new-tokens', run };

async function run(bench: Bench): Promise<Section> {
  const { keys, tokens } = await goodTokens(bench, bench.effort.newTokens);
  const lines = tokens.map((token) => `GET /hello ${token}`);
  const load = { requests: bench.requests('new-tokens', lines), connections: bench.effort.connections };
  const running = await startAll(bench, {});
  const ceiling: number[] = [];
  try {
    const contestants = running.map((one) => ({ label: one.peer.name, running: one, load }));
    const measured = await compare(bench, contestants, async () => {
      ceiling.push(await ceilingOf(keys, tokens[0] ?? '', bench.effort.seconds));
    });
    const share = ratios(measured[0]?.rates ?? [], ceiling);
    const goal = {
      text: `every token new: at least ${SHARE_LEAST} of one RS256 verification and one signature`,
      measured: spread(share),
      isMet: median(share) >= SHARE_LEAST,
    };
    const note = `One verification and one signature alone, on the proxy's core: ${spread(ceiling, 0)} a second.`;
    return {
      title: 'Every token new (RS256, 2048 bits)',
      lines: [...rateTable(measured, running), '', note],
      goals: [goal],
    };
  } finally {
    await stopAll(running);
  }
}

async function ceilingOf({ files }: Keys, token: string, seconds: number): Promise<number> {
  const env = {
    BENCH_PUBLIC_KEY: files.issuerPublic,
    BENCH_PRIVATE_KEY: files.assertionPrivate,
    BENCH_TOKEN: token,
    BENCH_SECONDS: `${seconds}`,
  };
  const args = [join(import.meta.dirname, '../crypto-ceiling.ts')];
  return Number(await outputOf({ file: process.execPath, args, env }, CORES.proxy));
}
