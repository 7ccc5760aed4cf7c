/** The whole gateway, from YAML to sockets, before a strict upstream; and what must hold after every exchange. */
import { expect } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { hs256 } from '../../support/tokens.ts';
import { type Answers, converse, isFinal, openClient, statusOf } from './client.ts';
import { secondWord, valuesOf, type WireMessage } from './http-message.ts';
import { startUpstream, TAG, tagOf, type WireUpstream } from './upstream.ts';

const SECRET = 'the secret of the wire tests, long enough for HS256';

/** Value of every forged identity header: no upstream may ever see it. */
export const FORGED = 'EVIL';

/** The route without authentication; everything else needs the token. */
export const PUBLIC = '/public';

export interface RigOptions {
  /** Members of `limits` and `timeouts`, in YAML. */
  readonly limits?: string;
  readonly timeouts?: string;
  /** URL of the upstream instead of the strict one's. */
  readonly upstreamUrl?: string;
  /** More members of the route `app`, in YAML, each behind a comma. */
  readonly app?: string;
  /** More routes, in YAML. */
  readonly routes?: string;
}

export interface WireRig {
  readonly port: number;
  readonly upstream: WireUpstream;
  readonly token: string;
  /** Log lines so far. */
  readonly log: readonly Record<string, unknown>[];
  /** Stops everything, and fails where the gateway logged a defect or a promise was rejected unseen. */
  stop(): Promise<void>;
}

const configuration = ({ limits = '', timeouts = '', app = '', routes = '' }: RigOptions) => `
limits: { ${limits} }
shutdownGrace: 1s
realms:
  - { name: wire, issuer: wire, signingKey: { secret: "${SECRET}" } }
assertion: { algorithm: ES256 }
upstreams:
  app: { targets: ["\${UPSTREAM}"], timeouts: { ${timeouts} } }
routes:
  - { name: app, match: { pathPrefix: / }, upstream: app${app} }
  - { name: public, match: { pathPrefix: ${PUBLIC} }, upstream: app, auth: none }
  - { name: read-only, match: { pathPrefix: /read-only, methods: [GET] }, upstream: app }${routes}
`;

export async function startRig(options: RigOptions = {}): Promise<WireRig> {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  const upstream = await startUpstream();
  const environment = { UPSTREAM: options.upstreamUrl ?? upstream.url };
  const gateway = await startGateway(configuration(options), { environment });
  const expiresAtSeconds = Math.floor(Date.now() / 1000) + 3600;
  return {
    port: Number(gateway.url.split(':').at(-1)),
    upstream,
    token: hs256(SECRET, { iss: 'wire', sub: 'wire-user', exp: expiresAtSeconds }),
    log: gateway.log,
    stop: async () => {
      await gateway.stop();
      await upstream.close();
      process.off('unhandledRejection', onRejection);
      expect(rejections).toEqual([]);
      expect(gateway.log.filter(isDefect)).toEqual([]);
    },
  };
}

/** A line that only a defect of the gateway can write. */
function isDefect(line: Record<string, unknown>): boolean {
  return line['reason'] === 'internal_error' || line['level'] === 'error';
}

export interface RequestParts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly tag?: string;
  /** Raw header lines, each with its end. */
  readonly lines?: string;
  readonly body?: string;
  /** Null: none. */
  readonly token?: string | null;
}

/** The bytes of a request, exactly as told: no length is added to a body. */
export function request(rig: Pick<WireRig, 'token'>, parts: RequestParts = {}): string {
  const { method = 'GET', target = '/', version = '1.1', tag, lines = '', body = '', token } = parts;
  const bearer = token === undefined ? rig.token : token;
  return [
    `${method} ${target} HTTP/${version}\r\nHost: wire.test\r\n`,
    bearer === null ? '' : `Authorization: Bearer ${bearer}\r\n`,
    tag === undefined ? '' : `${TAG}: ${tag}\r\n`,
    `${lines}\r\n${body}`,
  ].join('');
}

/** The request that ends a conversation: it is answered well wherever the framing before it was understood. */
export const SENTINEL = 'sentinel';
export function sentinel(rig: Pick<WireRig, 'token'>): string {
  return request(rig, { target: '/sentinel', tag: SENTINEL, lines: 'Connection: close\r\n' });
}

export interface Outcome {
  /** Of the final responses, in order. */
  readonly statuses: readonly number[];
  /** Tags of the requests that the upstream received whole, in order. */
  readonly forwarded: readonly string[];
  readonly answers: Answers;
}

/**
 * Sends the bytes and then the sentinel, waits until the gateway closes, and checks what holds for any bytes: framing
 * that a strict reader follows, one answer for one forwarded request and none crossed, no forged identity, and a
 * gateway that goes on serving.
 */
export async function judge(
  rig: WireRig,
  bytes: string | Buffer,
  methods: readonly string[] = [],
): Promise<Outcome> {
  const end = Buffer.from(sentinel(rig), 'latin1');
  const given = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  rig.upstream.forget();
  const outcome = await judgeAnswers(rig, await converse(rig.port, Buffer.concat([given, end]), methods));
  if (outcome.statuses.at(-1) !== 200) await expectToServe(rig);
  return outcome;
}

/** What holds for any exchange that has ended. */
export async function judgeAnswers(rig: WireRig, answers: Answers): Promise<Outcome> {
  await rig.upstream.settled();
  const { requests, violations } = rig.upstream;
  const finals = answers.responses.filter(isFinal);
  expect(answers.violation).toBeNull();
  expect(violations).toEqual([]);
  for (const one of requests) expectOwnIdentity(one);
  expect(rig.upstream.bytes()).not.toContain(FORGED);
  const forwarded = requests.map(tagOf);
  expect(finals.filter((response) => valuesOf(response, TAG.toLowerCase()).length > 0).map(tagOf)).toEqual(
    forwarded,
  );
  return { statuses: finals.map(statusOf), forwarded, answers };
}

/** Exactly one assertion, ours, on protected routes; none on public ones (invariant I1). */
export function expectOwnIdentity(forwarded: WireMessage): void {
  const aliases = forwarded.headers.filter(([name]) => /^x[^a-z0-9]jwt[^a-z0-9]assertion$/i.test(name));
  const isPublic = secondWord(forwarded).startsWith(PUBLIC);
  expect(aliases.map(([name]) => name)).toEqual(isPublic ? [] : ['X-JWT-Assertion']);
  if (!isPublic) expect(aliases[0]?.[1]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
}

/** A good request on a new connection is answered by an upstream that behaves well. */
export async function expectToServe(rig: WireRig): Promise<void> {
  rig.upstream.behave();
  const client = await openClient(rig.port);
  client.send(request(rig, { tag: 'after', target: '/after', lines: 'Connection: close\r\n' }));
  const { responses } = await client.closed();
  expect(responses.map(statusOf)).toEqual([200]);
  expect(tagOf(responses[0])).toBe('after');
}
