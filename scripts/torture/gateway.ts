/** countersign as a process of its own, and the configurations between which it is torn. */
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from '../../test/support/endings.ts';
import { hs256 } from '../../test/support/tokens.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SECRET = 'the-torture-needs-a-long-enough-secret';
/** Between two looks at the metrics of a process that reloads. */
const LOOK_MS = 20;
/** Later than this a reload or an end is taken for lost. */
const PATIENCE_MS = 60_000;

export function tokenFor(subject: string): string {
  return hs256(SECRET, { iss: 'torture', sub: subject, exp: Math.floor(Date.now() / 1000) + 3600 });
}

/** One configuration: everything goes to the upstream, and the assertion says `application`. */
export interface Plan {
  readonly application: string;
  readonly upstream: string;
  readonly workers: number;
}

function yamlOf({ application, upstream, workers }: Plan): string {
  return `version: 1
workers: ${workers}
listeners: { proxy: { bind: "127.0.0.1:0" }, ops: { bind: "127.0.0.1:0" } }
reload: { watch: false }
realms: [{ name: torture, issuer: torture, signingKey: { secret: ${SECRET} } }]
assertion: { algorithm: ES256 }
routes: [{ name: all, match: { pathPrefix: / }, upstream: "${upstream}", application: { name: ${application} } }]
`;
}

const BROKEN = 'version: 1\nroutes: [{ name: all, match: {';

export interface Gateway {
  readonly proxyPort: number;
  /** Puts another configuration into use; false: it was refused. */
  reload(plan: Plan | 'broken'): Promise<boolean>;
  /** Resolves when each of its processes has looked at its sockets again: what was waiting there is accepted. */
  caughtUp(): Promise<void>;
  /** Asks it to end, and returns its exit code; null where it had to be killed. */
  stop(): Promise<number | null>;
  /** Ends it at once, where it still runs. */
  kill(): void;
}

/** The file is written into `folder`. */
export async function startGateway(folder: string, plan: Plan): Promise<Gateway> {
  const configPath = join(folder, 'countersign.yaml');
  replaceFile(configPath, yamlOf(plan));
  const args = ['--disable-warning=DEP0060', MAIN, 'serve', '--config', configPath];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => void child.kill('SIGKILL');
  child.once('exit', atExit(kill));
  const { proxy, ops } = await origins(child);
  return {
    proxyPort: Number(new URL(proxy).port),
    reload: async (next) => {
      const before = await reloadCounts(ops);
      replaceFile(configPath, next === 'broken' ? BROKEN : yamlOf(next));
      child.kill('SIGHUP');
      const after = await untilReloaded(ops, before.ok + before.failed);
      return after.ok > before.ok;
    },
    caughtUp: async () => {
      // Readiness is asked of each process, which answers in its turn; the second answer begins after the first.
      for (let look = 0; look < 2; look += 1) await (await fetch(`${ops}/readyz`)).text();
    },
    stop: async () => {
      const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(kill, PATIENCE_MS);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
    kill,
  };
}

/** In one step, as configuration management does it. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

interface Origins {
  readonly proxy: string;
  readonly ops: string;
}

/** From the log; its other lines are read and dropped. */
function origins(child: ChildProcess): Promise<Origins> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code} before it listened`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('"Listening"')) return;
      const { proxy, ops } = JSON.parse(line);
      resolve({ proxy, ops });
    });
  });
}

interface ReloadCounts {
  readonly ok: number;
  readonly failed: number;
}

async function reloadCounts(ops: string): Promise<ReloadCounts> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  const count = (result: string) =>
    Number(new RegExp(`config_reloads_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  return { ok: count('ok'), failed: count('failed') };
}

async function untilReloaded(ops: string, countBefore: number): Promise<ReloadCounts> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
    const counts = await reloadCounts(ops);
    if (counts.ok + counts.failed > countBefore) return counts;
    await delay(LOOK_MS);
  }
  throw new Error('the gateway did not reload');
}
