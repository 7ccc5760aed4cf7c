/** Who holds a lock file, and whether that process is dead. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isJsonObject, type Json, member } from '../core/json.ts';

export interface Holder {
  /** One value a process: numbers of processes come again. */
  readonly id: string;
  readonly pid: number;
  /** Where that number means something: one boot of one machine, and there one namespace of processes. */
  readonly machine: string;
  /** When the process of that number began, in clock ticks since that boot; null where the system does not say. */
  readonly started: string | null;
}

export const SELF: Holder = {
  id: randomUUID(),
  pid: process.pid,
  machine: `${hostname()} ${processNamespace()} ${boot()}`,
  started: startOf(process.pid),
};

/** Containers with one host name may share the directory; each counts its processes from 1. */
function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return ''; // not Linux
  }
}

/**
 * The namespace does not tell machines apart: its number is the same on all, outside of containers. Nor does the host
 * name, which many may share.
 */
function boot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ''; // not Linux: there the host name alone has to
  }
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)), the twentieth behind the name, which may hold blanks. */
const START_FIELD = 19;

/**
 * One number may be that of two processes, but not at one instant. Null where there is no such process, or the system
 * hides it, or is not Linux.
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? null;
  } catch {
    return null;
  }
}

const ID = /^[0-9a-f-]{36}$/;

/** Null where the text says nothing that is understood. */
export function parseHolder(text: string): Holder | null {
  try {
    return holderOf(JSON.parse(text));
  } catch {
    return null;
  }
}

function holderOf(value: Json): Holder | null {
  if (!isJsonObject(value)) return null;
  const [id, pid, machine] = [member(value, 'id'), member(value, 'pid'), member(value, 'machine')];
  if (typeof id !== 'string' || !ID.test(id) || typeof machine !== 'string') return null;
  const started = member(value, 'started');
  const isStart = typeof started === 'string';
  return typeof pid === 'number' && Number.isInteger(pid) && pid > 0
    ? { id, pid, machine, started: isStart ? started : null }
    : null;
}

/** False where nobody can tell from here. */
export function isDead(holder: Holder): boolean {
  if (holder.machine !== SELF.machine) return false;
  if (holder.pid === SELF.pid) return holder.id !== SELF.id;
  const started = startOf(holder.pid);
  if (started !== null && holder.started !== null && started !== holder.started) return true;
  try {
    process.kill(holder.pid, 0); // asks only whether there is one
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
