/** Builds the image without an engine and without pulling: on a stand-in for `node:24-slim` made of Debian packages. */
import { cp, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run, runPatiently, succeeds } from './commands.ts';

/** As the Dockerfile names it. */
const BASE = 'docker.io/library/node:24-slim';
const DEBIAN = 'bookworm';

/** Debian's slim images leave these out too. */
const NOT_SLIM = [
  'usr/share/doc',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'var/cache/apt',
  'var/lib/apt/lists',
];

/** Authorities that this machine trusts: npm must reach its registry from inside the build as it does from here. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** What an engine makes of an image. */
export interface ImageConfig {
  /** `uid:gid` */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCommand: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
  readonly stopSignal: NodeJS.Signals;
  readonly volumes: readonly string[];
}

export interface Image {
  readonly config: ImageConfig;
  /** Where its file system is mounted. */
  readonly root: string;
  readonly bytes: { readonly compressed: number; readonly unpacked: number };
}

type Buildah = (...args: readonly string[]) => Promise<string>;

/** `folder` gets all of buildah's storage: nothing that belongs to the machine is touched. Takes a minute or two. */
export async function buildImage(repository: string, folder: string): Promise<Image> {
  const at = (name: string) => join(folder, name);
  const storage = ['--root', at('storage'), '--runroot', at('run'), '--storage-driver', 'vfs'];
  const buildah: Buildah = (...args) => run('buildah', ...storage, ...args);
  await buildBase(buildah, repository);

  const npmrc = at('npmrc');
  await writeFile(npmrc, (await exists(CERTIFICATES)) ? `cafile=${CERTIFICATES}\n` : '');
  const options = ['--format', 'docker', '--isolation', 'chroot', '--pull-never', '--layers=false'];
  await buildah('bud', ...options, '--secret', `id=npmrc,src=${npmrc}`, '--tag', 'countersign', repository);

  const archive = at('image.tar');
  await buildah('push', 'countersign', `oci-archive:${archive}`);
  const root = await buildah('mount', await buildah('from', '--pull-never', 'countersign'));
  const unpacked = Number((await run('du', '--summarize', '--bytes', root)).split('\t')[0]);
  const config = configOf(await buildah('inspect', '--type', 'image', 'countersign'));
  return { config, root, bytes: { compressed: (await stat(archive)).size, unpacked } };
}

/** Debian, the Node of this repository, and the npm that runs this test. */
async function buildBase(buildah: Buildah, repository: string): Promise<void> {
  const container = await buildah('from', 'scratch');
  const root = await buildah('mount', container);
  await runPatiently('debootstrap', '--variant=minbase', DEBIAN, root);
  for (const path of NOT_SLIM) await rm(join(root, path), { recursive: true, force: true });
  const local = join(root, 'usr/local');
  await cp(join(repository, 'node_modules/node/bin/node'), join(local, 'bin/node'));
  await cp(npmPackage(), join(local, 'lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  if (await exists(CERTIFICATES)) {
    await mkdir(dirname(join(root, CERTIFICATES)), { recursive: true });
    await cp(CERTIFICATES, join(root, CERTIFICATES), { dereference: true });
  }
  await buildah('config', '--env', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container);
  await buildah('umount', container);
  await buildah('commit', '--rm', container, BASE);
}

function exists(path: string): Promise<boolean> {
  return succeeds('test', '-e', path);
}

/** npm tells the scripts that it runs where its own program is. */
function npmPackage(): string {
  const { npm_execpath: program } = process.env;
  if (program === undefined) throw new Error('run this test with `npm run test:image`');
  return join(dirname(program), '..');
}

function configOf(inspected: string): ImageConfig {
  const { config } = JSON.parse(inspected).Docker;
  return {
    user: config.User,
    entrypoint: config.Entrypoint,
    command: config.Cmd,
    healthCommand: config.Healthcheck.Test.slice(1),
    environment: config.Env,
    stopSignal: config.StopSignal,
    volumes: Object.keys(config.Volumes),
  };
}
