import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ACCEPTANCE, startGateway, type TestGateway } from '../support/gateway.ts';
import { hs256 } from '../support/tokens.ts';

const SECRET = 'fusion-secret';
const claims = (changes: object = {}) => {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: 'fusion',
    iat: now,
    exp: now + 300,
    sub: 'test-fusion',
    groups: ['group-one', 'group-two'],
    ...changes,
  };
};

describe('the gateway', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway(ACCEPTANCE);
  });
  afterAll(() => gateway.stop());

  it('lets a good token through once, with an assertion that jose verifies by JWKS (FJR-S02, AST-S06)', async () => {
    const answer = await gateway.get('/placeFinder/1.0.0/x', hs256(SECRET, claims()));
    expect(answer.status).toBe(200);
    expect(gateway.backend.received).toHaveLength(1);
    const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(gateway.assertion().value, keys);
    expect(payload['http://wso2.org/claims/enduser']).toBe('test-fusion');
  });

  it('counts the requests under way, and counts them off', async () => {
    await gateway.get('/placeFinder/1.0.0/x', hs256(SECRET, claims()));
    const metrics = await gateway.metrics();
    expect(metrics).toContain('countersign_requests_in_flight 0');
    expect(metrics).toContain('countersign_websocket_connections 0');
  });

  it('counts a request that waits for its backend', async () => {
    const waiting = gateway.get('/placeFinder/1.0.0/slow', hs256(SECRET, claims()));
    await vi.waitFor(async () =>
      expect(await gateway.metrics()).toContain('countersign_requests_in_flight 1'),
    );
    gateway.backend.release();
    expect((await waiting).status).toBe(200);
  });
});
