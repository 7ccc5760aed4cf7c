/** The token service's operations over HTTP, each beside what its signatures and its commit cost alone in the same round. */
import { join } from 'node:path';
import type { Bench, Goal, Section, Workload } from '../bench.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import { makeTokens } from '../fixtures.ts';
import { CORES, outputOf } from '../process.ts';
import { median, ratios, spread } from '../stats.ts';
import { accessTokensLike } from '../token-service/access-tokens.ts';
import {
  type Call,
  type Calls,
  makeCalls,
  type PlainCalls,
  writeCalls,
  writePlainCalls,
} from '../token-service/calls.ts';
import { openDatabases, type StoreKind } from '../token-service/databases.ts';
import { API_KEY, PROVIDER, REUSABLE, type RunningService, startService } from '../token-service/service.ts';
import { addUsers, type Sessions } from '../token-service/users.ts';
import { warmUp } from '../warm-up.ts';

const SHARE_LEAST = 0.6;
/** Of one connection: enough that none waits for another, few enough to be made in a moment. */
const USERS_PER_CONNECTION = 4;

/** What is measured: one operation on one database. */
interface Operation {
  readonly label: string;
  /** What bare.ts does in its place. */
  readonly bare: string;
  readonly service: RunningService;
  readonly calls: Calls | PlainCalls;
  /** Its bound is less than any HTTP request costs: no goal is held against it. */
  readonly isWithoutGoal?: true;
}

interface Scene {
  readonly bench: Bench;
  readonly services: ReadonlyMap<StoreKind, RunningService>;
  readonly sessions: ReadonlyMap<StoreKind, Sessions>;
}

interface Shape {
  readonly name: string;
  readonly title: string;
  readonly stores: readonly StoreKind[];
  readonly operations: (scene: Scene) => Promise<readonly Operation[]>;
}

const BOTH: readonly StoreKind[] = ['sqlite', 'postgres'];

const SHAPES: readonly Shape[] = [
  {
    name: 'token-validate',
    title: 'Token service: validate',
    stores: ['sqlite'],
    operations: validations,
  },
  {
    name: 'token-vend',
    title: 'Token service: vend',
    stores: ['sqlite'],
    operations: async (scene) => each(scene, (kind) => [vending(scene, kind)]),
  },
  {
    name: 'token-refresh',
    title: 'Token service: refresh',
    stores: BOTH,
    operations: async (scene) => each(scene, (kind) => refreshes(scene, kind)),
  },
  {
    name: 'token-reconcile',
    title: 'Token service: reconcile of a linked user',
    stores: BOTH,
    operations: async (scene) =>
      (await Promise.all([...scene.services.keys()].map((kind) => reconciliation(scene, kind)))).flat(),
  },
];

export const tokenServiceWorkloads: readonly Workload[] = SHAPES.map((shape) => ({
  name: shape.name,
  run: (bench) => run(bench, shape),
}));

function each(scene: Scene, of: (kind: StoreKind) => readonly Operation[]): readonly Operation[] {
  return [...scene.services.keys()].flatMap(of);
}

function partsOf({ bench, services, sessions }: Scene, kind: StoreKind) {
  const service = services.get(kind);
  const own = sessions.get(kind);
  if (service === undefined || own === undefined) throw new Error(`no service on ${kind}`);
  return { service, own, folder: bench.folder };
}

function refreshCall(refreshToken: string): Call {
  return { method: 'POST', path: '/api/jwt/refresh', headers: {}, body: { refreshToken } };
}

function refreshes(scene: Scene, kind: StoreKind): readonly Operation[] {
  const { service, own, folder } = partsOf(scene, kind);
  const calls = (name: string, values: readonly string[], rotates: boolean) =>
    writeCalls(folder, `${kind}-${name}`, values.map(refreshCall), rotates);
  return [
    {
      label: `refresh, Reusable, ${kind}`,
      bare: 'refresh-touch',
      service,
      calls: calls('reusable', own.reusable, false),
    },
    {
      label: `refresh, OneTimeUse, ${kind}`,
      bare: 'refresh-rotate',
      service,
      calls: calls('one-time', own.oneTime, true),
    },
  ];
}

function vending(scene: Scene, kind: StoreKind): Operation {
  const { service, own, folder } = partsOf(scene, kind);
  const body = { claims: { sub: 'user', email: 'user@bench.example', roles: ['user'] } };
  const headers = { Authorization: API_KEY };
  const call: Call = { method: 'POST', path: '/api/jwt/vend', headers, body };
  const calls = writeCalls(
    folder,
    'vend',
    own.reusable.map(() => call),
  );
  return { label: 'vend', bare: 'vend', service, calls };
}

/** Tokens that come again, and tokens that never do: more than are remembered, in turn. */
async function validations(scene: Scene): Promise<readonly Operation[]> {
  const { service, own, folder } = partsOf(scene, 'sqlite');
  const known = await Promise.all(own.reusable.map((value) => accessToken(service, value)));
  const { files } = await scene.bench.keysOf('RS256');
  const count = scene.bench.effort.newTokens;
  const fresh = await accessTokensLike(known[0] ?? '', files.assertionPrivate, count);
  const operation = (label: string, tokens: readonly string[]): Operation => {
    const calls = writePlainCalls(folder, label.replaceAll(/\W+/g, '-'), '/api/jwt/validate', tokens);
    return { label, bare: 'validate', service, calls };
  };
  return [
    operation('validate', known),
    { ...operation('validate, every token new', fresh), isWithoutGoal: true },
  ];
}

async function accessToken({ origin }: RunningService, refreshToken: string): Promise<string> {
  const { path, body } = refreshCall(refreshToken);
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const { token }: { token?: string } = JSON.parse(await response.text());
  if (token === undefined) throw new Error(`refresh answered ${response.status}`);
  return token;
}

/** The first reconcile of each user links it; those that are measured find the link. */
async function reconciliation(scene: Scene, kind: StoreKind): Promise<readonly Operation[]> {
  const { service, own, folder } = partsOf(scene, kind);
  const tokens = await makeTokens(await scene.bench.keysOf('RS256'), 'RS256', own.reusable.length);
  const calls = tokens.map((token): Call => {
    const body = { applicationId: REUSABLE, identityProviderId: PROVIDER, data: { token } };
    return { method: 'POST', path: '/api/jwt/reconcile', headers: {}, body };
  });
  const headers = { 'Content-Type': 'application/json' };
  for (const { path, body } of calls) {
    const response = await fetch(`${service.origin}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (response.status !== 200) throw new Error(`reconcile answered ${response.status}`);
    await response.arrayBuffer();
  }
  const written = writeCalls(folder, `${kind}-reconcile`, calls);
  return [{ label: `reconcile, ${kind}`, bare: 'reconcile', service, calls: written }];
}

async function run(bench: Bench, shape: Shape): Promise<Section> {
  const databases = await openDatabases();
  const services = new Map<StoreKind, RunningService>();
  const sessions = new Map<StoreKind, Sessions>();
  try {
    for (const kind of shape.stores.filter((one) => databases.kinds.includes(one))) {
      const service = await startService(bench, databases, kind, `${shape.name}-${kind}`);
      services.set(kind, service);
      sessions.set(kind, await addUsers(service, bench.effort.connections * USERS_PER_CONNECTION));
    }
    const measured = await measure(bench, await shape.operations({ bench, services, sessions }));
    return sectionOf(shape.title, measured);
  } finally {
    await Promise.all([...services.values()].map((service) => service.stop()));
    await databases.stop();
  }
}

interface Measured {
  readonly label: string;
  readonly hasGoal: boolean;
  /** Operations a second, one figure a round. */
  readonly rates: number[];
  readonly p99sMs: number[];
  /** Processor time of our process for one operation, in microseconds. */
  readonly cpuUs: number[];
  readonly bareRates: number[];
  readonly bareCpuUs: number[];
}

async function measure(bench: Bench, operations: readonly Operation[]): Promise<Measured[]> {
  const { effort } = bench;
  const { connections } = effort;
  const measured = operations.map(
    ({ label, isWithoutGoal }): Measured => ({
      label,
      hasGoal: isWithoutGoal !== true,
      rates: [],
      p99sMs: [],
      cpuUs: [],
      bareRates: [],
      bareCpuUs: [],
    }),
  );
  for (const { service, calls } of operations)
    await warmUp(effort.warmUpSeconds, (seconds) =>
      makeCalls(service.origin, calls, { connections, seconds }),
    );
  for (let round = 0; round < effort.rounds; round += 1) {
    for (const [index, operation] of operations.entries()) {
      const { service, calls } = operation;
      const bare = await bareRate(bench, operation);
      const before = cpuTimeMs(service.pid);
      const result = await makeCalls(service.origin, calls, { connections, seconds: effort.seconds });
      const usedMs = cpuTimeMs(service.pid) - before;
      measured[index]?.rates.push(result.requests / result.seconds);
      measured[index]?.p99sMs.push(result.p99Ms);
      measured[index]?.cpuUs.push((usedMs * 1000) / result.requests);
      measured[index]?.bareRates.push(bare.rate);
      measured[index]?.bareCpuUs.push(bare.cpuUs);
    }
  }
  return measured;
}

interface Bare {
  readonly rate: number;
  readonly cpuUs: number;
}

async function bareRate(bench: Bench, { bare, service }: Operation): Promise<Bare> {
  const keys = await bench.keysOf('RS256');
  const [token = ''] = await makeTokens(keys, 'RS256', 1);
  const env = {
    BENCH_OPERATION: bare,
    BENCH_KIND: service.database.kind,
    BENCH_ADDRESS: service.database.address,
    BENCH_PUBLIC_KEY: keys.files.issuerPublic,
    BENCH_PRIVATE_KEY: keys.files.assertionPrivate,
    BENCH_TOKEN: token,
    BENCH_SECONDS: `${bench.effort.seconds}`,
  };
  const args = ['--no-warnings', join(import.meta.dirname, '../token-service/bare.ts')];
  return JSON.parse(await outputOf({ file: process.execPath, args, env }, CORES.proxy));
}

function sectionOf(title: string, measured: readonly Measured[]): Section {
  const rows = measured.map(({ label, rates, p99sMs, cpuUs, bareRates, bareCpuUs }) => {
    const share = spread(ratios(rates, bareRates));
    const [ours, bare] = [spread(cpuUs, 0), spread(bareCpuUs, 0)];
    return `| ${label} | ${spread(rates, 0)} | ${median(p99sMs).toFixed(2)} | ${ours} | ${spread(bareRates, 0)} | ${bare} | ${share} |`;
  });
  return {
    title,
    lines: [
      '| operation | operations/s: median (least–greatest) | p99 ms | CPU µs | bare operations/s | bare CPU µs | share of bare |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows,
    ],
    goals: measured.filter(({ hasGoal }) => hasGoal).map(goalOf),
  };
}

function goalOf({ label, rates, bareRates }: Measured): Goal {
  const share = ratios(rates, bareRates);
  return {
    text: `${label}: at least ${SHARE_LEAST} of the same signatures and commits alone`,
    measured: spread(share),
    isMet: median(share) >= SHARE_LEAST,
  };
}
