/** Rows P02, P04 and P05 by the vectors of nginx and Envoy: a Host or a path has one reading, here and at the upstream. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UPSTREAM_READINGS } from '../support/paths.ts';
import { readVectors } from '../support/vectors.ts';
import { converse, statusOf } from './support/client.ts';
import { secondWord } from './support/http-message.ts';
import { startRig, type WireRig } from './support/rig.ts';
import { TAG } from './support/upstream.ts';

interface HostCase {
  readonly via: 'host_header' | 'absolute_path';
  readonly host: string;
  /** The name that nginx reads, or 400. */
  readonly expect: string | 400;
}

/** Hosts that nginx takes and countersign does not, with the reason. */
const REFUSED_HOSTS: Readonly<Record<string, string>> = {
  "[v0123456789aBcDeF.!$&'()*+,;=-._~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789:]":
    'IPvFuture (RFC 3986 §3.2.2) is used by nobody, and no URL parser knows it.',
};

const HOSTS = readVectors<HostCase[]>('nginx-host-uri/host-cases.json');
const PATHS = readVectors<Record<string, [string, string][] | string[]>>('envoy-path/cases.json');

let rig: WireRig;

beforeAll(async () => {
  const names = HOSTS?.map(({ expect: name }) => name).filter((name) => typeof name === 'string') ?? [];
  const routable = [...new Set(names)].filter((name) => !name.startsWith('[v'));
  // A route for each name, protected, in front of one that takes any Host: 401 shows which one was read.
  const routes = routable.map(
    (name, index) =>
      `\n  - { name: host-${index}, match: { hosts: ["${name}"], pathPrefix: /hosts }, upstream: app }`,
  );
  const admin = '\n  - { name: admin, match: { pathPrefix: /a/c }, upstream: app }';
  rig = await startRig({ app: ', auth: none', routes: routes.join('') + admin });
});

beforeEach(() => rig.upstream.forget());

afterAll(() => rig.stop());

const get = (target: string, host: string) =>
  Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${TAG}: t\r\nConnection: close\r\n\r\n`, 'latin1');

describe.skipIf(HOSTS === null)('a Host of nginx’s tests', () => {
  it.each(HOSTS ?? [])('$host, by $via, is $expect (P05)', async ({ via, host, expect: name }) => {
    const bytes = via === 'host_header' ? get('/hosts', host) : get(`http://${host}/hosts`, host);
    const { responses, violation } = await converse(rig.port, bytes);
    const isRefused = name === 400 || host in REFUSED_HOSTS;
    expect(violation).toBeNull();
    expect(responses.map(statusOf)).toEqual([isRefused ? 400 : 401]);
    expect(rig.upstream.requests).toEqual([]);
  });

  it.each(HOSTS?.filter(({ via }) => via === 'absolute_path') ?? [])(
    '$host in the target against another Host is refused (P04)',
    async ({ host }) => {
      const { responses } = await converse(rig.port, get(`http://${host}/x`, 'other.test'));
      expect(responses.map(statusOf)).toEqual([400]);
      expect(rig.upstream.requests).toEqual([]);
    },
  );
});

const pairs = Object.entries(PATHS ?? {}).flatMap(([kind, cases]) =>
  cases.map((one) => ({ kind, given: typeof one === 'string' ? one : one[0] })),
);

describe.skipIf(PATHS === null)('a path of Envoy’s tests', () => {
  it.each(pairs)('$given ($kind) is refused, or has one reading (P02)', async ({ given }) => {
    const { responses, violation } = await converse(rig.port, get(given, 'wire.test'));
    expect(violation).toBeNull();
    const [forwarded] = rig.upstream.requests;
    const isProtected = statusOf(responses[0]) === 401;
    if (forwarded === undefined) {
      expect(statusOf(responses[0])).toBeOneOf([400, 401]);
      if (isProtected) expect(new URL(given, 'http://wire.test').pathname).toMatch(/^\/a\/c/);
      return;
    }
    expect([statusOf(responses[0]), secondWord(forwarded)]).toEqual([200, given]);
    const [path = ''] = given.split('?');
    for (const [habit, readPath] of UPSTREAM_READINGS)
      expect(readPath(path), habit).not.toMatch(/^\/a\/c(?:\/|$)/);
  });
});
