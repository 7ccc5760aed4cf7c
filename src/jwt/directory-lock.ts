/** One process at a time changes the key directory: a lock file that names its holder, so that a dead one holds nobody up. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isJsonObject, type Json, member } from '../core/json.ts';
import { KeyDirectoryError } from './key-index.ts';

const LOCK = 'keys.lock';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** Making a few RSA keys takes seconds on a small machine; a lock held longer belongs to a process that died. */
const LOCK_WAIT_MS = 30_000;
const LOCK_RETRY_MS = 50;

/**
 * Runs the change while no other process changes the directory, which is made where it is missing. Readers need no lock.
 *
 * @throws KeyDirectoryError where another process holds the lock for too long
 */
export async function withLock<T>(directory: string, change: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const path = join(directory, LOCK);
  for (let waitedMs = 0; !(await createdExclusively(path, JSON.stringify(SELF))); waitedMs += LOCK_RETRY_MS) {
    if (waitedMs >= LOCK_WAIT_MS)
      throw new KeyDirectoryError(`${path} is held by another process; remove it if there is none`);
    if (!(await isTakenFromDead(path))) await delay(LOCK_RETRY_MS);
  }
  try {
    return await change();
  } finally {
    await rm(path, { force: true });
  }
}

interface Holder {
  /** One value a process: numbers of processes come again. */
  readonly id: string;
  readonly pid: number;
  /** Where that number means something: machines that share a directory have names of their own. */
  readonly machine: string;
  /** When the process of that number began; null where the system does not say. */
  readonly started: string | null;
}

const SELF: Holder = {
  id: randomUUID(),
  pid: process.pid,
  machine: `${hostname()} ${processNamespace()}`,
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

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)), the twentieth behind the name, which may hold blanks. */
const START_FIELD = 19;

/**
 * In clock ticks since the boot that is named beside it: one number may be that of two processes, but not at one instant
 * of one boot. Null where there is no such process, or the system hides it, or is not Linux.
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[START_FIELD]}`;
  } catch {
    return null;
  }
}

/**
 * True where the lock of a dead process was removed. Whoever makes the file named after the dead one may remove its
 * lock, and nobody else: so the lock that is removed is never that of a process that was faster.
 */
async function isTakenFromDead(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder === null || !isDead(holder)) return false;
  const permission = `${path}.${holder.id}`;
  if (!(await createdExclusively(permission, ''))) return false;
  try {
    if ((await holderOf(path))?.id !== holder.id) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await rm(permission, { force: true });
  }
}

/** Null where it was let go meanwhile, or says nothing that is understood. */
async function holderOf(path: string): Promise<Holder | null> {
  try {
    return parseHolder(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Ids become file names: nothing else may stand in them. */
const ID = /^[0-9a-f-]{36}$/;

function parseHolder(value: Json): Holder | null {
  if (!isJsonObject(value)) return null;
  const [id, pid, machine] = [member(value, 'id'), member(value, 'pid'), member(value, 'machine')];
  if (typeof id !== 'string' || !ID.test(id) || typeof machine !== 'string') return null;
  const started = member(value, 'started');
  const isStart = typeof started === 'string';
  return typeof pid === 'number' && Number.isInteger(pid) && pid > 0
    ? { id, pid, machine, started: isStart ? started : null }
    : null;
}

function isDead(holder: Holder): boolean {
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

async function createdExclusively(path: string, text: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', OWNER_ONLY_FILE);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
