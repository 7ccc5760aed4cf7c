/** Discovery and key-set import against npm's oidc-provider: metadata and keys as a real issuer writes them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDocumentFetcher } from '../../src/forward/fetch-document.ts';
import { createKeySet } from '../../src/jwt/jwks.ts';
import { testKey } from '../support/tokens.ts';

const rsa = testKey('RS256', 'rsa-1');
const ec = testKey('ES256', 'ec-1');

let server: Server;
let issuer: string;

beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = [rsa, ec].map(({ jwk, privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), ...jwk }));
  server.on('request', new Provider(issuer, { jwks: { keys } }).callback());
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('oidc-provider', () => {
  it('its key set is found from the issuer, and all its keys are usable', async () => {
    const keySet = createKeySet({
      source: { kind: 'issuer', issuer },
      timeoutMs: 3000,
      cacheTtlMs: 600_000,
      cooldownMs: 30_000,
      maxStaleMs: 86_400_000,
      fetchDocument: createDocumentFetcher({ ca: null }),
      clock: () => 0,
      random: () => 0,
      schedule: () => () => {},
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    await keySet.start();
    expect(keySet.status()).toMatchObject({
      state: 'fresh',
      kids: ['rsa-1', 'ec-1'],
      rejected: [],
      lastError: null,
    });
    expect(keySet.url).toBe(`${issuer}/jwks`);
    const [key] = await keySet.find('rsa-1');
    expect(key?.key.equals(rsa.publicKey)).toBe(true);
  });
});
