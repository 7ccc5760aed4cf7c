import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const LISTENERS = `version: 1
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
`;
const TENANT = '00000000-0000-4000-8000-000000000001';
const CONFIG = `
routes: [{ name: home, match: { pathPrefix: / }, upstream: "\${BACKEND}", auth: none }]
tokenService:
  tenants: [{ id: ${TENANT}, name: Default, issuer: acme.com }]
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(CONFIG, { listeners: LISTENERS });
});
afterAll(() => gateway.stop());

const run = (...args: string[]) =>
  runCommand([...args, '--config', join(gateway.folder, 'countersign.yaml')], {
    BACKEND: gateway.backend.url,
  });

const statusWith = async (key: string, path: string, method = 'GET') =>
  (await fetch(`${gateway.app.origins.api}${path}`, { method, headers: { authorization: key } })).status;

describe('countersign api-keys', () => {
  it('makes a key that a running gateway takes within a second, lists it without showing it, and revokes it', async () => {
    const { code, stdout, output } = await run('api-keys', 'create', '--name', 'billing');
    const key = stdout.trim();
    const id = /^id (\S+)$/m.exec(output)?.[1] ?? '';
    expect([code, key.length]).toEqual([0, 43]);
    await expect.poll(() => statusWith(key, '/api/tenant'), { timeout: 5000 }).toBe(200);
    const listed = await run('api-keys', 'list');
    expect(listed.stdout).toMatch(new RegExp(`${id} +billing +every tenant +everything +API`));
    expect(listed.output).not.toContain(key);
    expect((await run('api-keys', 'revoke', id)).code).toBe(0);
    await expect.poll(() => statusWith(key, '/api/tenant'), { timeout: 5000 }).toBe(401);
    expect((await run('api-keys', 'revoke', id)).code).toBe(1);
  });

  it('limits a key to endpoints, methods and a tenant (JWT-P03)', async () => {
    const allow = ['--allow', 'GET:/api/tenant', '--tenant', TENANT];
    const key = (await run('api-keys', 'create', ...allow)).stdout.trim();
    await expect.poll(() => statusWith(key, `/api/tenant/${TENANT}`), { timeout: 5000 }).toBe(200);
    expect(await statusWith(key, `/api/tenant/${TENANT}`, 'DELETE')).toBe(401);
    expect(await statusWith(key, '/api/application')).toBe(401);
  });

  it.each([
    [['api-keys', 'create', '--allow', 'LOOK:/api/user'], 64, 'write METHODS:PATH'],
    [
      ['api-keys', 'create', '--allow', 'GET:/api/nonsense'],
      64,
      'the API has no /api/nonsense; near are /api/',
    ],
    [['api-keys', 'create', '--allow', 'GET:/api/jwt/refrsh'], 64, 'near are /api/jwt/refresh, /api/jwt/'],
    [['api-keys', 'create', '--allow', 'GET:/api/login'], 64, '/api/login has no GET, only'],
    [['api-keys', 'create', '--tenant', '00000000-0000-4000-8000-000000000099'], 1, 'no such tenant'],
    [['api-keys', 'revoke'], 64, 'the id is missing'],
  ])('says what is wrong with %j', async (args, code, message) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.output).toContain(message);
  });

  it('says that there are none without a token service', async () => {
    const path = join(gateway.folder, 'plain.yaml');
    const route = '{ name: a, match: { pathPrefix: / }, upstream: builtin:echo, auth: none }';
    writeFileSync(path, `version: 1\nroutes: [${route}]\n`);
    const { code, output } = await runCommand(['api-keys', 'list', '--config', path], {});
    expect(code).toBe(1);
    expect(output).toContain('no tokenService block');
  });
});
