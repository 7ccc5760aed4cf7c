/** Row B02 at the proxy: a page of another site changes nothing with the cookie of a caller (CWE-352). */
import { afterEach, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;

afterEach(async () => {
  await gateway.stop();
});

async function start(more = ''): Promise<void> {
  const realm = fusionRealm({
    tokenFrom: '[{ cookie: session }, { header: Authorization, scheme: Bearer }]',
  });
  const route = `  - { name: pay, match: { pathPrefix: /pay }, upstream: "\${BACKEND}"${more} }\n`;
  gateway = await startGateway(withRealms([realm]) + route);
}

/** A POST of plain text, as a form of any page can send it. */
async function post(headers: Record<string, string>, method = 'POST'): Promise<Response> {
  const typed = { 'Content-Type': 'text/plain', ...headers };
  return await gateway.get('/pay/transfer', null, { method, headers: typed, body: 'to=mallory' });
}

const cookie = () => ({ Cookie: `session=${t1()}` });

describe('a change that a cookie vouches for', () => {
  it.each([
    { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'same-site' },
    {},
  ])('is refused from another page: %j (B02)', async (page) => {
    await start();
    const response = await post({ ...cookie(), ...page });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'foreign_origin' });
    expect(gateway.backend.received).toEqual([]);
  });

  it('is let through from a page of the same host (B02)', async () => {
    await start();
    const response = await post({ ...cookie(), Origin: gateway.url, 'Sec-Fetch-Site': 'same-origin' });
    expect(response.status).toBe(200);
  });

  it('is let through from a site in pageOrigins (B02)', async () => {
    await start(', pageOrigins: ["https://Portal.example:443"]');
    const listed = { ...cookie(), Origin: 'https://portal.example', 'Sec-Fetch-Site': 'cross-site' };
    expect((await post(listed)).status).toBe(200);
    expect((await post({ ...listed, Origin: 'https://evil.example' })).status).toBe(403);
  });

  it('is let through from a client that is no browser (B02)', async () => {
    await start();
    expect((await post({ ...cookie(), 'Content-Type': 'application/json' }, 'PUT')).status).toBe(200);
  });

  it('is no matter where a header carries the token, which no page can set (B02)', async () => {
    await start();
    const headers = { Authorization: `Bearer ${t1()}`, Origin: 'https://evil.example' };
    expect((await post(headers)).status).toBe(200);
  });
});
