/** Realms as their acceptance checks write them, each in a gateway of its own, and the questions that checks ask. */
import { afterEach } from 'vitest';
import { type GatewayOptions, startGateway, type TestGateway } from './gateway.ts';

/** Members of a realm as YAML: `{ clockSkew: '0s' }`. Null takes a member of the usual realm out. */
export type RealmMembers = Readonly<Record<string, string | null>>;

const FUSION: RealmMembers = {
  name: 'fusion',
  issuer: 'fusion',
  signingKey: '{ secret: fusion-secret, allowWeakSecret: true }',
  claims: '{ groups: groups }',
  roles: '{ default: [authenticated], mapping: { group-one: search-user developer, group-two: admin } }',
};

/** Realm fusion of the acceptance checks, with other members where given. */
export function fusionRealm(members: RealmMembers = {}): string {
  return realm({ ...FUSION, ...members });
}

/** A realm in flow style. */
export function realm(members: RealmMembers): string {
  const written = Object.entries(members).filter(([, value]) => value !== null);
  return `{ ${written.map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
}

export const MINTING = 'userClaims: { retriever: token }';

/** The routes of the acceptance checks, for these realms. `assertion`: members of that block. */
export function withRealms(realms: readonly string[], assertion = MINTING): string {
  return `
realms:
${realms.map((one) => `  - ${one}`).join('\n')}
assertion: { ${assertion} }
upstreams:
  echo: { targets: ["\${BACKEND}"] }
routes:
  - { name: placefinder, match: { pathPrefix: /placeFinder/1.0.0 }, upstream: echo }
  - { name: roles, match: { pathPrefix: /api/roles }, upstream: echo, require: { roles: { any: [admin] } } }
  - { name: members, match: { pathPrefix: /members }, upstream: echo, require: { roles: { all: [authenticated] } } }
`;
}

/** Starts gateways for one test each. Call once, in the file or in a describe. */
export function realmGateways(): (realms: readonly string[], options?: Options) => Promise<TestGateway> {
  const running: TestGateway[] = [];
  afterEach(async () => {
    for (const gateway of running.splice(0)) await gateway.stop();
  });
  return async (realms, { assertion, ...options } = {}) => {
    const gateway = await startGateway(withRealms(realms, assertion), options);
    running.push(gateway);
    return gateway;
  };
}

interface Options extends GatewayOptions {
  /** Members of the assertion block. */
  readonly assertion?: string;
}

/** A refusal as the client sees it. Null where there was none. */
export interface Refusal {
  readonly status: number;
  /** `code` of the problem. */
  readonly code: string;
  readonly challenge: string;
  readonly body: string;
}

/** GET with the token, to the path of the first route unless told. */
export async function refusalOf(
  gateway: TestGateway,
  token: string | null,
  path = PLACES,
): Promise<Refusal | null> {
  const answer = await gateway.get(path, token);
  const body = await answer.text();
  if (answer.ok) return null;
  return {
    status: answer.status,
    code: JSON.parse(body).code,
    challenge: answer.headers.get('www-authenticate') ?? '',
    body,
  };
}

export async function statusOf(gateway: TestGateway, token: string | null, path = PLACES): Promise<number> {
  return (await refusalOf(gateway, token, path))?.status ?? 200;
}

export const PLACES = '/placeFinder/1.0.0/x';

/** Claim of WSO2's dialect in the assertion of the last request that came through. */
export function lastClaim(gateway: TestGateway, name: string): unknown {
  return gateway.assertion().payload[`http://wso2.org/claims/${name}`];
}

/** The value of a series, 0 where there is none. `labels` as Prometheus writes them, in the order of the table. */
export async function metric(gateway: TestGateway, name: string, labels = ''): Promise<number> {
  const series = `countersign_${name}${labels === '' ? '' : `{${labels}}`} `;
  const line = (await gateway.metrics()).split('\n').find((one) => one.startsWith(series));
  return Number(line?.slice(series.length) ?? 0);
}

/** Log lines of level warn as one text each. */
export function warnings(gateway: TestGateway): string[] {
  return gateway.log.filter(({ level }) => level === 'warn').map((line) => JSON.stringify(line));
}
