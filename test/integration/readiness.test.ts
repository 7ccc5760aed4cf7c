import { afterEach, describe, expect, it } from 'vitest';
import { t1, t1Claims } from '../support/acceptance.ts';
import { fusionRealm, metric, PLACES, realm, statusOf, withRealms } from '../support/fusion.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Idp, keySet, startIdp } from '../support/idp.ts';
import { until } from '../support/serve.ts';
import { signed, testKey } from '../support/tokens.ts';

const ISSUER = 'https://idp.test';
const key = testKey('RS256', 'k1');
const corpToken = () => signed(key, t1Claims({ iss: ISSUER }));

let gateway: TestGateway;
let idp: Idp | null = null;
afterEach(async () => {
  await gateway.stop();
  await idp?.close();
  idp = null;
});

/** A gateway with realm fusion, and realm corp whose issuer is not there yet. Gives the port where it will be. */
async function startBeforeIssuer(): Promise<number> {
  const placeholder = await startIdp();
  await placeholder.close();
  const corp = realm({ name: 'corp', issuer: `"${ISSUER}"`, jwksUri: `"${placeholder.jwksUri}"` });
  gateway = await startGateway(withRealms([fusionRealm(), corp]));
  return Number(new URL(placeholder.issuer).port);
}

const readyz = () => fetch(`${gateway.opsUrl}/readyz`);

describe('an issuer that is down at the start', () => {
  it('keeps the gateway alive and unready, by name and with the cause (GW-C09)', async () => {
    await startBeforeIssuer();
    expect((await fetch(`${gateway.opsUrl}/healthz`)).status).toBe(200);
    await until(() => gateway.log.some(({ msg }) => msg === 'Key set could not be fetched'));
    const answer = await readyz();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      status: 'not_ready',
      causes: [expect.stringMatching(/^key set of corp is not loaded: .*ECONNREFUSED/)],
      key_sets: [{ realms: ['corp'], state: 'loading' }],
    });
  });

  it('is 503 with Retry-After for its tokens, while other realms serve (K11)', async () => {
    await startBeforeIssuer();
    const answer = await gateway.get(PLACES, corpToken());
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await answer.json()).toMatchObject({ code: 'keys_unavailable' });
    expect(await statusOf(gateway, t1())).toBe(200);
    expect(gateway.backend.received).toHaveLength(1);
  });

  it('serves as soon as it comes up, without a restart (GW-C09, K11)', async () => {
    const port = await startBeforeIssuer();
    expect(await statusOf(gateway, corpToken())).toBe(503);
    idp = await startIdp({ port });
    idp.answerJwks(keySet([key.jwk]));
    await until(async () => (await readyz()).status === 200);
    expect(await statusOf(gateway, corpToken())).toBe(200);
    expect(await metric(gateway, 'jwks_fetch_total', 'key_set="corp",result="ok"')).toBe(1);
    expect(await metric(gateway, 'jwks_keys', 'key_set="corp"')).toBe(1);
  });
});

describe('readiness', () => {
  it('is 503 until the first key set has been fetched, and 200 after (GW-C09)', async () => {
    idp = await startIdp();
    const held: (() => void)[] = [];
    idp.answerJwks((request, response) => void held.push(() => keySet([key.jwk])(request, response)));
    const corp = realm({ name: 'corp', issuer: `"${ISSUER}"`, jwksUri: `"${idp.jwksUri}"` });
    gateway = await startGateway(withRealms([corp]));
    await until(() => held.length > 0);
    expect((await readyz()).status).toBe(503);
    for (const answer of held) answer();
    await until(async () => (await readyz()).status === 200);
    expect(await (await readyz()).json()).toMatchObject({ causes: [], key_sets: [{ state: 'fresh' }] });
  });
});
