/** The result file: machine, versions and command first, then what was measured. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Effort, Section } from './bench.ts';
import { driverName } from './load/load.ts';
import type { Peer } from './peer.ts';
import { CORES, has } from './process.ts';

const GIB = 1024 ** 3;

export interface Conditions {
  readonly startedAt: Date;
  /** Load average of one minute before the first workload: well above 0, others used the machine. */
  readonly loadBefore: number;
  readonly command: string;
  /** What else is to be known, in the words of whoever ran it. */
  readonly note: string | null;
}

export function conditionsNow(args: readonly string[], note: string | null): Conditions {
  const command = ['npm run bench --', ...args].join(' ');
  return { startedAt: new Date(), loadBefore: loadavg()[0] ?? 0, command, note };
}

export function reportOf(
  conditions: Conditions,
  effort: Effort,
  upstream: string,
  peers: readonly Peer[],
  sections: readonly Section[],
): string {
  return [
    `# Bench of ${conditions.startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    '',
    ...facts(conditions, effort, upstream, peers).map((fact) => `- ${fact}`),
    '',
    ...goalTable(sections),
    ...sections.flatMap(({ title, lines }) => [`## ${title}`, '', ...lines, '']),
  ].join('\n');
}

function facts(
  { command, loadBefore, note }: Conditions,
  effort: Effort,
  upstream: string,
  peers: readonly Peer[],
): string[] {
  const cores = has('taskset')
    ? `proxy on core ${CORES.proxy}, load driver and upstream on core ${CORES.load}`
    : 'not pinned (no taskset)';
  return [
    `Command: \`${command}\`, at commit ${commit()}`,
    `Machine: ${cpus()[0]?.model}, ${cpus().length} cores, ${(totalmem() / GIB).toFixed(0)} GiB, Linux ${release()}`,
    `Load average before: ${loadBefore.toFixed(2)}${note === null ? '' : `. ${note}`}`,
    `Node ${process.versions.node}; ${peers.map((peer) => peer.version()).join('; ')}`,
    `Load: ${driverName()}; upstream: ${upstream}; ${cores}`,
    `${effort.rounds} interleaved rounds of ${effort.seconds} s, ${effort.connections} connections unless said otherwise`,
  ];
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function goalTable(sections: readonly Section[]): string[] {
  const goals = sections.flatMap((section) => section.goals);
  if (goals.length === 0) return [];
  return [
    '| goal | measured | met |',
    '| --- | --- | --- |',
    ...goals.map(({ text, measured, isMet }) => `| ${text} | ${measured} | ${isMet ? 'yes' : '**no**'} |`),
    '',
  ];
}
