/**
 * `npm run bench`: proves that every proxy does what it promises, then measures them beside each other. Fails only
 * where a proxy is wrong; figures are for people to read. See README.md.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals } from '../test/support/endings.ts';
import { type Bench, FULL, openBench, type Section, SHORT } from './bench.ts';
import type { Peer } from './peer.ts';
import { PEERS } from './peers.ts';
import { conditionsNow, reportOf } from './report.ts';
import { openRunFolder } from './run-folder.ts';
import { WORKLOADS } from './workloads.ts';

const FOLDERS = join(import.meta.dirname, '../.tmp/bench');
/** sysexits.h. */
const EX_USAGE = 64;
const RESULTS = join(import.meta.dirname, 'results');

const args = process.argv.slice(2);
const { values } = parseArgs({
  args,
  options: {
    short: { type: 'boolean', default: false },
    workload: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    note: { type: 'string' },
    name: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const standard = values.short ? SHORT : FULL;
const effort = {
  ...standard,
  rounds: Number(values.rounds ?? standard.rounds),
  seconds: Number(values.seconds ?? standard.seconds),
};

/** A name that nothing has would leave out what was meant. */
function requireKnown(
  what: string,
  wanted: readonly string[],
  known: readonly { readonly name: string }[],
): void {
  const names = known.map(({ name }) => name);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  console.error(`no ${what} ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  process.exit(EX_USAGE);
}

/** Those asked for that are here, ours always; says why another is left out. */
function presentPeers(wanted: readonly string[]): Peer[] {
  return PEERS.filter((peer) => {
    const isWanted = wanted.length === 0 ? peer.name !== 'baseline' : wanted.includes(peer.name);
    if (!isWanted && peer.name !== 'countersign') return false;
    const reason = peer.missing();
    if (reason !== null) console.log(`skipped: ${peer.name}: ${reason}`);
    return reason === null;
  });
}

async function runAll(bench: Bench): Promise<{ sections: Section[]; failures: number }> {
  const { workload: wanted } = values;
  const sections: Section[] = [];
  let failures = 0;
  for (const workload of WORKLOADS) {
    if (wanted.length > 0 && !wanted.includes(workload.name)) continue;
    const startMs = performance.now();
    try {
      sections.push(await workload.run(bench));
      console.log(`${workload.name}: ok, ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
    } catch (thrown) {
      failures += 1;
      console.log(`${workload.name}: FAILED: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
  return { sections, failures };
}

exitOnSignals();
requireKnown('workload', values.workload, WORKLOADS);
requireKnown('peer', values.peer, PEERS);
const conditions = conditionsNow(args, values.note ?? null);
const peers = presentPeers(values.peer);
const bench = await openBench(effort, peers, openRunFolder(FOLDERS));
try {
  const { sections, failures } = await runAll(bench);
  const report = reportOf(conditions, effort, bench.upstreams.description, peers, sections);
  if (!values.short) console.log(`\n${report}`);
  const suffix = values.name === undefined ? '' : `-${values.name}`;
  const day = conditions.startedAt.toISOString().slice(0, 10);
  if (values.write) writeFileSync(join(RESULTS, `${day}${suffix}.md`), report);
  process.exitCode = failures === 0 ? 0 : 1;
} finally {
  await bench.upstreams.stop();
}
