/** Ourselves as a token service, as shipped: log on (to a file), metrics on, one tenant, an application for each policy. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sealer } from '../../src/tokens/ports.ts';
import { createSealer } from '../../src/tokens/sealing.ts';
import type { Bench } from '../bench.ts';
import { ISSUER, ISSUER_KID, type KeyFiles } from '../fixtures.ts';
import { untilAnswering } from '../peer.ts';
import { CORES, freePort, start, stop } from '../process.ts';
import { type BenchDatabase, type Databases, dataDir, type StoreKind } from './databases.ts';

const ROOT = join(import.meta.dirname, '../..');
const profileFolder = process.env['BENCH_PROFILE'];

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const TENANT = id(1);
/** Its refresh tokens are used again and again; where users of the provider come. */
export const REUSABLE = id(2);
/** Each use of its refresh tokens gives a new one, and ends the one before. */
export const ONE_TIME = id(3);
export const PROVIDER = id(4);
const SIGNING_KEY = id(5);
const PROVIDER_KEY = id(6);
export const API_KEY = 'an API key of the bench, which is no secret';

export interface RunningService {
  readonly origin: string;
  readonly pid: number;
  readonly database: BenchDatabase;
  readonly sealer: Sealer;
  stop(): Promise<void>;
}

/** Starts it on an empty database, on the proxy's core. */
export async function startService(
  bench: Bench,
  databases: Databases,
  kind: StoreKind,
  name: string,
): Promise<RunningService> {
  const folder = join(bench.folder, name);
  mkdirSync(folder, { recursive: true });
  const database = await databases.create(kind, folder);
  const port = await freePort();
  const masterKey = randomBytes(32).toString('base64url');
  const { files } = await bench.keysOf('RS256');
  const path = join(folder, 'countersign.yaml');
  const settings = { port, proxyPort: await freePort(), opsPort: await freePort(), folder, masterKey };
  writeFileSync(path, JSON.stringify(configuration(settings, database, files)), { mode: 0o600 });
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const args = [
    '--disable-warning=DEP0060',
    ...profile,
    join(ROOT, 'src/main.ts'),
    'serve',
    '--config',
    path,
  ];
  const child = start({ file: process.execPath, args }, CORES.proxy, join(folder, 'output.log'));
  const origin = `http://127.0.0.1:${port}`;
  await untilAnswering(child, origin, folder);
  const sealer = createSealer(Buffer.from(masterKey));
  return { origin, pid: child.pid ?? 0, database, sealer, stop: () => stop(child) };
}

interface Settings {
  readonly port: number;
  readonly proxyPort: number;
  readonly opsPort: number;
  readonly folder: string;
  readonly masterKey: string;
}

function configuration(settings: Settings, { kind, address }: BenchDatabase, files: KeyFiles) {
  const at = (port: number) => `127.0.0.1:${port}`;
  const { port, proxyPort, opsPort, folder, masterKey } = settings;
  return {
    version: 1,
    dataDir: dataDir(folder),
    listeners: {
      proxy: { bind: at(proxyPort) },
      ops: { bind: at(opsPort) },
      api: { bind: at(port), enabled: true },
    },
    store: kind === 'sqlite' ? { driver: kind } : { driver: kind, url: address },
    secrets: { masterKey },
    realms: [{ name: 'self', type: 'self', issuer: 'bench', revocation: 'checkSid' }],
    routes: [{ name: 'all', match: { pathPrefix: '/' }, upstream: 'builtin:echo' }],
    tokenService: tokenService(files),
  };
}

function tokenService(files: KeyFiles) {
  const policy = (refreshTokenUsagePolicy: string) => ({
    enabled: true,
    accessTokenKeyId: SIGNING_KEY,
    refreshTokenUsagePolicy,
  });
  const application = (applicationId: string, name: string, usage: string) => ({
    id: applicationId,
    tenantId: TENANT,
    name,
    roles: [{ name: 'user', isDefault: true }],
    loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true },
    jwtConfiguration: policy(usage),
  });
  return {
    keys: [
      { id: SIGNING_KEY, name: 'access tokens', algorithm: 'RS256', privateKeyFile: files.assertionPrivate },
      { id: PROVIDER_KEY, name: 'provider', kid: ISSUER_KID, publicKeyFile: files.issuerPublic },
    ],
    tenants: [
      { id: TENANT, name: 'Default', issuer: 'bench', jwtConfiguration: { accessTokenKeyId: SIGNING_KEY } },
    ],
    applications: [
      application(REUSABLE, 'reusable', 'Reusable'),
      application(ONE_TIME, 'one time', 'OneTimeUse'),
    ],
    identityProviders: [
      {
        id: PROVIDER,
        name: 'provider',
        enabled: true,
        issuer: ISSUER,
        verificationKeyIds: [PROVIDER_KEY],
        applicationConfiguration: { [REUSABLE]: { enabled: true } },
      },
    ],
    apiKeys: [{ key: API_KEY }],
    anonymousLimit: { perAddressPerMinute: 0, perIdentityProviderPerMinute: 0 },
  };
}
