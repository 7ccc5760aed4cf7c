/** Memory of another process, looked at while something runs. */
import { readFileSync } from 'node:fs';

/** Often enough to see a buffer of one round of garbage collection. */
const SAMPLE_MS = 20;

export const CAN_READ_MEMORY = process.platform === 'linux';
if (!CAN_READ_MEMORY) process.stdout.write('skipped: no /proc here, so no memory of other processes\n');

/** Resident set of the process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** The most that the resident set grew at any moment while `run` ran, in bytes. */
export async function peakGrowth(pid: number, run: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(pid);
  let peak = before;
  const sample = () => {
    peak = Math.max(peak, residentBytes(pid));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  sample();
  return peak - before;
}
