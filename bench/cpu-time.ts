/** Processor time of a process and its children, from /proc: a measure that other users of the machine disturb less. */
import { readdirSync, readFileSync } from 'node:fs';

interface Times {
  readonly parent: number;
  readonly ms: number;
}

const TICK_MS = 10; // USER_HZ is 100 on every Linux that we know

/** Milliseconds of user and system time so far; 0 where there is no /proc. */
export function cpuTimeMs(pid: number): number {
  const all = new Map<number, Times>();
  for (const name of processes()) {
    const times = timesOf(name);
    if (times !== null) all.set(Number(name), times);
  }
  const isOwn = (id: number): boolean => id === pid || (all.has(id) && isOwn(all.get(id)?.parent ?? 0));
  return [...all].filter(([id]) => isOwn(id)).reduce((sum, [, { ms }]) => sum + ms, 0);
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Fields after the name, which stands in parentheses and may hold blanks: 4 parent, 14 user, 15 system. */
function timesOf(pid: string): Times | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
  } catch {
    return null; // it ended meanwhile
  }
}
