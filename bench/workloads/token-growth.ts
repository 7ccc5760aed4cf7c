/** Refresh beside a thousand, ten thousand and more stored refresh tokens: each ten times as many may cost a step more. */
import type { Bench, Section, Workload } from '../bench.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import { median, ratios, spread } from '../stats.ts';
import { type Calls, makeCalls, writeCalls } from '../token-service/calls.ts';
import { fill, openDatabases, type StoreKind } from '../token-service/databases.ts';
import { ONE_TIME, type RunningService, startService, TENANT } from '../token-service/service.ts';
import { addUsers } from '../token-service/users.ts';

const USERS_PER_CONNECTION = 4;

export const tokenGrowth: Workload = { name: 'token-growth', run };

interface Contestant {
  readonly kind: StoreKind;
  readonly stored: number;
  readonly service: RunningService;
  readonly calls: Calls;
  readonly rates: number[];
  readonly cpuUs: number[];
}

async function run(bench: Bench): Promise<Section> {
  const databases = await openDatabases();
  const contestants: Contestant[] = [];
  try {
    for (const kind of databases.kinds)
      for (const stored of bench.effort.storedTokens) {
        const service = await startService(bench, databases, kind, `growth-${kind}-${stored}`);
        const calls = { file: '', rotates: true };
        contestants.push({ kind, stored, service, calls, rates: [], cpuUs: [] });
        await fill(service.database, stored, { tenantId: TENANT, applicationId: ONE_TIME });
      }
    const all = await Promise.all(contestants.map((one) => prepared(bench, one)));
    await measure(bench, all);
    return sectionOf(all);
  } finally {
    await Promise.all(contestants.map(({ service }) => service.stop()));
    await databases.stop();
  }
}

/** With tokens of its own, spread evenly among the others by their look-ups. */
async function prepared(bench: Bench, contestant: Contestant): Promise<Contestant> {
  const { kind, stored, service } = contestant;
  const { oneTime } = await addUsers(service, bench.effort.connections * USERS_PER_CONNECTION);
  const calls = oneTime.map((refreshToken) => ({
    method: 'POST' as const,
    path: '/api/jwt/refresh',
    headers: {},
    body: { refreshToken },
  }));
  const written = writeCalls(bench.folder, `growth-${kind}-${stored}`, calls, true);
  return { ...contestant, calls: written };
}

async function measure({ effort }: Bench, contestants: readonly Contestant[]): Promise<void> {
  const { connections, rounds, seconds, warmUpSeconds } = effort;
  if (warmUpSeconds > 0)
    for (const { service, calls } of contestants)
      await makeCalls(service.origin, calls, { connections, seconds: warmUpSeconds });
  for (let round = 0; round < rounds; round += 1)
    for (const { service, calls, rates, cpuUs } of contestants) {
      const before = cpuTimeMs(service.pid);
      const result = await makeCalls(service.origin, calls, { connections, seconds });
      rates.push(result.requests / result.seconds);
      cpuUs.push(((cpuTimeMs(service.pid) - before) * 1000) / result.requests);
    }
}

/** How much more a refresh costs than beside the fewest tokens, round by round. */
function costs(contestants: readonly Contestant[], { kind, rates }: Contestant): number[] {
  const fewest = contestants.find((one) => one.kind === kind);
  return ratios(fewest?.rates ?? [], rates);
}

function sectionOf(contestants: readonly Contestant[]): Section {
  const rows = contestants.map((one) => {
    const cost = spread(costs(contestants, one));
    return `| ${one.kind} | ${one.stored} | ${spread(one.rates, 0)} | ${spread(one.cpuUs, 0)} | ${cost} |`;
  });
  const grown = contestants.filter((one) => contestants.find(({ kind }) => kind === one.kind) !== one);
  const goals = grown.map((one) => {
    const fewest = contestants.find(({ kind }) => kind === one.kind)?.stored ?? Number.NaN;
    const most = Math.log(one.stored) / Math.log(fewest);
    const cost = costs(contestants, one);
    return {
      text: `refresh beside ${one.stored} tokens on ${one.kind} costs at most ${most.toFixed(2)} × beside ${fewest} (logarithmic)`,
      measured: spread(cost),
      isMet: median(cost) <= most,
    };
  });
  return {
    title: 'Token service: refresh (OneTimeUse) beside many stored refresh tokens',
    lines: [
      '| database | refresh tokens stored | operations/s: median (least–greatest) | CPU µs | cost × the fewest |',
      '| --- | --- | --- | --- | --- |',
      ...rows,
    ],
    goals,
  };
}
