/** Two instances and the workers of a third on one PostgreSQL: a backend that knows the keys of one trusts all of them. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { LISTENERS, startGateway, type TestGateway } from '../support/gateway.ts';
import { createPostgresDatabase, hasPostgres, type PostgresDatabase } from '../support/postgres.ts';
import { type ServeProcess, serveProcess } from '../support/serve.ts';
import { hs256 } from '../support/tokens.ts';
import { headerOf, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';
import { ask } from '../support/workers.ts';

const WORKERS = 2;
/** Five processes on a busy machine. */
const START_MS = 120_000;
const SECRET = 'a-secret-that-is-long-enough-for-hs256';

const CONFIG = `
store: { driver: postgres, url: "\${DATABASE_URL}" }
secrets: { masterKey: "a master key of more than thirty-two bytes" }
realms: [{ name: corp, issuer: corp, signingKey: { secret: ${SECRET} } }]
assertion: { algorithm: ES256 }
routes: [{ name: all, match: { pathPrefix: / }, upstream: "\${BACKEND}" }]
tokenService: {}
`;

const token = () => hs256(SECRET, { iss: 'corp', sub: 'u', exp: Math.floor(Date.now() / 1000) + 300 });

describe.skipIf(!hasPostgres)('instances on one PostgreSQL', () => {
  let database: PostgresDatabase;
  let one: TestGateway;
  let other: TestGateway;
  let folder: string;
  let upstream: RecordingUpstream;
  let fleet: ServeProcess;
  let fleetOrigins: { readonly proxy: string; readonly ops: string };

  beforeAll(async () => {
    database = await createPostgresDatabase();
    const environment = { DATABASE_URL: database.url };
    // At the same time, on an empty database: one of them makes the keys.
    [one, other] = await Promise.all([
      startGateway(CONFIG, { environment }),
      startGateway(CONFIG, { environment }),
    ]);
    folder = mkdtempSync(join(tmpdir(), 'countersign-shared-keys-'));
    upstream = await recordingUpstream();
    const path = join(folder, 'countersign.yaml');
    writeFileSync(path, `${LISTENERS}workers: ${WORKERS}\nshutdownGrace: 0s\n${CONFIG}`, { mode: 0o600 });
    fleet = serveProcess(['--config', path], { ...environment, BACKEND: upstream.url });
    fleetOrigins = await fleet.listening();
  }, START_MS);
  afterAll(async () => {
    fleet.kill('SIGTERM');
    await Promise.all([fleet.exit(), one.stop(), other.stop(), upstream.close()]);
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  const jwksOf = async (origin: string) => await (await fetch(`${origin}/.well-known/jwks.json`)).text();
  const allJwks = () => Promise.all([one.url, other.url, fleetOrigins.proxy, fleetOrigins.ops].map(jwksOf));
  const command = (...args: string[]) =>
    runCommand([...args, '--config', join(one.folder, 'countersign.yaml')], {
      DATABASE_URL: database.url,
      BACKEND: one.backend.url,
    });

  async function assertionOf(gateway: TestGateway): Promise<string> {
    expect((await gateway.get('/x', token())).status).toBe(200);
    return gateway.assertion().value;
  }

  async function assertionOfFleet(): Promise<string> {
    expect((await ask(`${fleetOrigins.proxy}/x`, token())).status).toBe(200);
    return String(headerOf(upstream.seen.at(-1), 'x-jwt-assertion'));
  }

  it('publish one key set, also their workers, and keep no key in a file', async () => {
    expect(new Set(await allJwks()).size).toBe(1);
    expect(
      [one.folder, other.folder, folder].filter((place) => existsSync(join(place, 'data/keys'))),
    ).toEqual([]);
  });

  it('sign what a backend verifies that knows the keys of another one', async () => {
    const keysOfOther = createRemoteJWKSet(new URL(`${other.url}/.well-known/jwks.json`));
    for (const assertion of [await assertionOf(one), await assertionOfFleet()])
      expect((await jwtVerify(assertion, keysOfOther)).payload.sub).toBe('u');
  });

  it('rotate together, by a command on one of them', { timeout: START_MS }, async () => {
    const before = JSON.parse(await jwksOf(one.url)).keys.length;
    const { code, output } = await command('keys', 'rotate', '--force');
    expect(code).toBe(0);
    const [, activated] = /ES256: (\S+) signs/.exec(output) ?? [];
    // What running instances do each 30 s, they do with a reload at once.
    expect(await Promise.all([one.reload(CONFIG), other.reload(CONFIG)])).toEqual([true, true]);
    fleet.kill('SIGHUP');
    await expect.poll(async () => new Set(await allJwks()).size, { timeout: START_MS }).toBe(1);
    expect(JSON.parse(await jwksOf(one.url)).keys).toHaveLength(before + 1);
    for (const assertion of [await assertionOf(one), await assertionOf(other), await assertionOfFleet()])
      expect(JSON.parse(Buffer.from(assertion.split('.')[0] ?? '', 'base64url').toString()).kid).toBe(
        activated,
      );
  });

  it('are listed and exported by commands, and are the ones that explain signs with', async () => {
    const { keys }: { keys: { kid: string }[] } = JSON.parse(await jwksOf(one.url));
    const listed = await command('keys', 'list');
    for (const { kid } of keys) expect(listed.output).toContain(kid);
    expect((await command('keys', 'export')).stdout.trim()).toBe(await jwksOf(other.url));
    const explained = await command('explain', '--token', token(), 'GET', '/x');
    expect(explained.code).toBe(0);
    expect(keys.some(({ kid }) => explained.output.includes(kid))).toBe(true);
  });
});
