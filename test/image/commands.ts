/** Runs the programs that the image test needs, and gets those that Debian has. */
import { execFile } from 'node:child_process';

/** Registries have bad minutes. */
const REGISTRY_TRIES = 3;

/** `buildah inspect` prints the whole history of an image, `buildah bud` what npm says. */
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;

/** What a build prints before it fails is at the end of its output. */
const SHOWN_CHARACTERS = 4000;

/** Standard output without the final line break. Rejects where it fails, with the end of all output in the message. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: OUTPUT_BYTES_MAX }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trimEnd());
      else reject(new Error(`${program} failed: ${`${stdout}\n${stderr}`.slice(-SHOWN_CHARACTERS)}`));
    });
  });
}

/** The same for a program that fetches from a registry, and that can go on where it was cut off. */
export async function runPatiently(program: string, ...args: readonly string[]): Promise<string> {
  for (let attempt = 1; attempt < REGISTRY_TRIES; attempt++) if (await succeeds(program, ...args)) return '';
  return await run(program, ...args);
}

/** True where it ends with 0. */
export async function succeeds(program: string, ...args: readonly string[]): Promise<boolean> {
  return await run(program, ...args).then(
    () => true,
    () => false,
  );
}

/** Why the programs cannot be had here; null where they can, after they were installed. */
export async function obstacle(programs: readonly string[]): Promise<string | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'this needs Linux and root';
  if (!(await succeeds('unshare', '--mount', '--pid', '--fork', 'true')))
    return 'no namespaces in this sandbox';
  if (await haveAll(programs)) return null;
  if (!(await haveAll(['apt-get']))) return `no apt-get to install ${programs.join(' and ')} with`;
  await succeeds('apt-get', 'update');
  const install = ['install', '--yes', '--no-install-recommends', ...programs];
  await runPatiently('apt-get', ...install).catch(() => '');
  if (await haveAll(programs)) return null;
  return `apt-get could not install ${programs.join(' and ')}`;
}

async function haveAll(programs: readonly string[]): Promise<boolean> {
  return await succeeds('sh', '-c', programs.map((program) => `command -v ${program}`).join(' && '));
}
