/**
 * Runs an image as an orchestrator with a strict policy would: its own process ids, a root that cannot be written, no
 * capability and no way to get one. Made of the machine's unshare, mount, setpriv and chroot. The network is shared.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from './build.ts';
import { run } from './commands.ts';

export interface Container {
  /** Of the image's process: PID 1 inside. */
  readonly pid: number;
  /** Runs a command beside it, as the same user. Rejects where it fails. */
  exec(...command: readonly string[]): Promise<string>;
  /** Runs a command of this machine as root, where `image.root` is what the process sees. Rejects where it fails. */
  execAsRoot(...command: readonly string[]): Promise<string>;
  /** Sends the stop signal of the image. Resolves with the exit code, which is not 0 where it had to be killed. */
  stop(): Promise<number | null>;
}

export interface Surroundings {
  /** Folder that is mounted at /etc/countersign. */
  readonly configFolder: string;
  /** `NAME=value` */
  readonly environment: readonly string[];
}

/** From util-linux, as nsenter and setpriv are. */
const ENGINE = 'unshare';

/** The image's volume and its configuration are mounted, nothing else can be written. Ends as the process itself. */
const MOUNT_AND_RUN = `
set -e
root=$1; config=$2; owner=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$config" "$root/etc/countersign"
mount -o remount,bind,ro "$root/etc/countersign"
mount -t tmpfs -o "mode=0700,uid=$owner,gid=$owner" tmpfs "$root/var/lib/countersign"
mount -o remount,bind,ro "$root"
exec "$@"
`;

export async function startContainer(image: Image, surroundings: Surroundings): Promise<Container> {
  const { user, entrypoint, command, stopSignal } = image.config;
  await mkdir(join(image.root, 'etc/countersign'), { recursive: true }); // as engines do for a mount
  const asUser = confined(image, surroundings);
  const mounts = [image.root, surroundings.configFolder, user.split(':')[0] ?? ''];
  const program = [...mounts, ...asUser, ...entrypoint, ...command];
  const unshare = spawn(ENGINE, ['--mount', '--pid', '--fork', 'sh', '-c', MOUNT_AND_RUN, 'sh', ...program], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => unshare.once('exit', resolve));
  const pid = await firstChildOf(unshare.pid ?? 0);
  const enter = ['--target', String(pid), '--mount', '--pid', '--'];
  let isStopping = false;
  return {
    pid,
    exec: (...inside) => run('nsenter', ...enter, ...asUser, ...inside),
    execAsRoot: (...inside) => run('nsenter', ...enter, ...inside),
    stop: () => {
      if (!isStopping) stopProcess(pid, stopSignal, exited);
      isStopping = true;
      return exited;
    },
  };
}

/** Engines wait as long as this by default. */
const STOP_TIMEOUT_MS = 10_000;

function stopProcess(pid: number, signal: NodeJS.Signals, exited: Promise<unknown>): void {
  process.kill(pid, signal);
  const deadline = setTimeout(() => process.kill(pid, 'SIGKILL'), STOP_TIMEOUT_MS);
  void exited.then(() => clearTimeout(deadline));
}

/** What chroot needs until it is done; its change of user drops them. */
const CHROOT_CAPABILITIES = '-all,+sys_chroot,+setuid,+setgid';

/** Turns a command into one of the image's user, without privileges, in the environment of the image alone. */
function confined({ config, root }: Image, { environment }: Surroundings): string[] {
  return [
    ...['env', '--ignore-environment', ...config.environment, ...environment],
    ...['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=${CHROOT_CAPABILITIES}`, '--'],
    ...['chroot', `--userspec=${config.user}`, '--groups=', root],
  ];
}

const START_TRIES = 100;
const START_PAUSE_MS = 50;

async function firstChildOf(pid: number): Promise<number> {
  for (let tries = 0; tries < START_TRIES; tries++) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    const child = Number.parseInt(children, 10);
    if (child > 0) return child;
    await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
  }
  throw new Error('the container did not start');
}
