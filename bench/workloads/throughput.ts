/** One load on all proxies: how many requests a second each of them serves. */
import type { Bench, Goal, Section, Workload } from '../bench.ts';
import { compare, goodTokens, rateTable, ratioTo, startAll, stopAll } from '../compare.ts';
import { withBadSignature } from '../fixtures.ts';
import { median, spread } from '../stats.ts';

interface Shape {
  readonly name: string;
  readonly title: string;
  readonly tokens: number;
  readonly line: (token: string) => string;
  readonly connections?: number;
  readonly bodyBytes?: number;
  readonly isRefused?: boolean;
  readonly goals?: readonly (readonly [peer: string, least: number])[];
}

const MANY_TOKENS = 1000;
const MANY_CONNECTIONS = 500;
const BODY_BYTES = 1024 * 1024;
const BODY_CONNECTIONS = 16; // 1 MiB each way is in memory of driver and upstream for each of them

const SHAPES: readonly Shape[] = [
  {
    name: 'one-token',
    title: 'One token, small requests',
    tokens: 1,
    line: (token) => `GET /hello ${token}`,
    goals: [
      ['http-proxy', 1.3],
      ['http-proxy + jose', 10],
    ],
  },
  {
    name: 'many-tokens',
    title: `${MANY_TOKENS} tokens in turn`,
    tokens: MANY_TOKENS,
    line: (token) => `GET /hello ${token}`,
  },
  {
    name: 'connections',
    title: `${MANY_CONNECTIONS} connections`,
    tokens: 1,
    line: (token) => `GET /hello ${token}`,
    connections: MANY_CONNECTIONS,
  },
  {
    name: 'refusals',
    title: 'Refusals: a token with a bad signature, verified and answered 401 each time',
    tokens: 1,
    line: (token) => `GET /hello ${withBadSignature(token)}`,
    isRefused: true,
  },
  {
    name: 'bodies',
    title: 'Bodies of 1 MiB, both ways',
    tokens: 1,
    line: (token) => `POST /body ${token}`,
    bodyBytes: BODY_BYTES,
    connections: BODY_CONNECTIONS,
  },
];

export const throughputWorkloads: readonly Workload[] = SHAPES.map((shape) => ({
  name: shape.name,
  run: (bench) => run(bench, shape),
}));

async function run(bench: Bench, shape: Shape): Promise<Section> {
  const { name, title, bodyBytes = 0, isRefused = false } = shape;
  const { tokens } = await goodTokens(bench, shape.tokens);
  const load = {
    requests: bench.requests(name, tokens.map(shape.line)),
    connections: Math.min(shape.connections ?? bench.effort.connections, MANY_CONNECTIONS),
    bodyBytes,
  };
  const upstreamPort = bodyBytes > 0 ? bench.upstreams.bodyPort : bench.upstreams.smallPort;
  const running = await startAll(bench, { upstreamPort, bodyBytes });
  try {
    const able = running.filter(({ peer }) => !isRefused || peer.verifies);
    const contestants = able.map((one) => ({ label: one.peer.name, running: one, load, isRefused }));
    const measured = await compare(bench, contestants);
    const goals = (shape.goals ?? []).map(([peer, least]) => goalOf(ratioTo(measured, peer), peer, least));
    return { title, lines: rateTable(measured, running), goals: goals.filter((goal) => goal !== null) };
  } finally {
    await stopAll(running);
  }
}

function goalOf(found: number[] | null, peer: string, least: number): Goal | null {
  if (found === null) return null;
  const text = `one token: at least ${least} × ${peer}`;
  return { text, measured: spread(found), isMet: median(found) >= least };
}
