/** The fixtures of the acceptance checks of the assertion, each part of which a test may write otherwise. */
import { afterEach } from 'vitest';
import { type GatewayOptions, startGateway, type TestGateway } from './gateway.ts';
import { hs256 } from './tokens.ts';

/** YAML for single places of the configuration. Flow style, without the outer braces, where a block is meant. */
export interface Variation {
  /** Members of the assertion block; null: no such block. The retriever is `token` unless told. */
  readonly assertion?: string | null;
  /** Members of realm fusion. */
  readonly realm?: string;
  /** Members of the application behind `/placeFinder/1.0.0`. */
  readonly application?: string;
  /** Members of the route `/placeFinder/1.0.0`. */
  readonly route?: string;
  /** Further routes and blocks, as they stand in the file. */
  readonly more?: string;
}

export function acceptance(variation: Variation = {}): string {
  const { assertion = RETRIEVER_TOKEN, realm, application, route, more = '' } = variation;
  const member = (yaml: string | undefined) => (yaml === undefined ? '' : `, ${yaml}`);
  return `
realms:
  - { name: fusion, issuer: fusion, signingKey: { secret: ${SECRET}, allowWeakSecret: true }, claims: { groups: groups },
      roles: { default: [authenticated], mapping: { group-one: search-user developer, group-two: admin } }${member(realm)} }
${assertion === null ? '' : `assertion: { ${assertion} }`}
upstreams:
  echo: { targets: ["\${BACKEND}"] }
routes:
  - { name: placefinder, match: { pathPrefix: /placeFinder/1.0.0 }, upstream: echo${member(route)},
      application: { id: "42", name: app2, subscriber: admin, tier: Silver, context: /placeFinder, version: 1.0.0${member(application)} } }
  - { name: public, match: { pathPrefix: /public }, upstream: echo, auth: optional }
${more}`;
}

export const SECRET = 'fusion-secret';
export const RETRIEVER_TOKEN = 'userClaims: { retriever: token }';
export const PLACES = '/placeFinder/1.0.0/x';
/** Claim of WSO2's dialect. */
export const wso2 = (name: string): string => `http://wso2.org/claims/${name}`;

/** Claims of T1: realm fusion accepts them for five minutes. Undefined takes a claim out. */
export function t1Claims(changes: object = {}, clock: () => number = Date.now): Record<string, unknown> {
  const now = Math.floor(clock() / 1000);
  const groups = ['group-one', 'group-two'];
  return { iss: 'fusion', iat: now, exp: now + 300, sub: 'test-fusion', groups, ...changes };
}

export function t1(changes: object = {}, clock: () => number = Date.now): string {
  return hs256(SECRET, t1Claims(changes, clock));
}

/** Starts gateways for one test each. Call once, in the file or in a describe. */
export function gatewayPerTest(): (variation?: Variation, options?: GatewayOptions) => Promise<TestGateway> {
  const running: TestGateway[] = [];
  afterEach(async () => {
    for (const gateway of running.splice(0)) await gateway.stop();
  });
  return async (variation, options) => {
    const gateway = await startGateway(acceptance(variation), options);
    running.push(gateway);
    return gateway;
  };
}

type SeenAssertion = ReturnType<TestGateway['assertion']>;

/** The assertion that the backend received for one request with T1, or with the token given. */
export async function assertionFor(
  gateway: TestGateway,
  token = t1(),
  path = PLACES,
): Promise<SeenAssertion> {
  const answer = await gateway.get(path, token);
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
  return gateway.assertion();
}

/** The text of a part, as it was encoded; either flavour of Base64. */
export function partText(value: string, index: 0 | 1): string {
  return Buffer.from(value.split('.')[index] ?? '', 'base64').toString('utf8');
}
