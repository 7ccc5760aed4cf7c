/** A change of the master key as an operator makes it: real gateways on one database, and the commands beside them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSealer } from '../../../src/tokens/sealing.ts';
import { fakeClock } from '../../support/clock.ts';
import { runCommand } from '../../support/command-line.ts';
import { addSessions, type KeyedProcess, processWith } from '../../support/master-keys.ts';
import type { StoreKind } from '../../support/open-store.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { type ServeProcess, serveProcess, until } from '../../support/serve.ts';
import { type TestDatabase, testDatabase } from '../../support/store.ts';
import { APP_A, addFixtures, configureTokens, KEY, loginTo } from '../../support/token-fixtures.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const TEST_MS = 120_000;
/** Batches enough to be ended between two of them. */
const SESSIONS = 3000;
/** As text they are what `masterKey()` gives as bytes. */
const [KEY_1, KEY_2] = ['1', '2'].map((letter) => letter.repeat(32));

const configOf = (kind: StoreKind, address: string, secrets: string) => `version: 1
dataDir: ${dirname(address)}
shutdownGrace: 0s
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
routes: [{ name: home, match: { pathPrefix: / }, upstream: builtin:echo, auth: none }]
store: ${kind === 'sqlite' ? '{ driver: sqlite }' : `{ driver: postgres, url: "${address}" }`}
secrets: ${secrets}
tokenService: {}
`;
const FORMER = `{ masterKey: "${KEY_1}", previousMasterKeys: ["${KEY_2}"] }`;
const BOTH = `{ masterKey: "${KEY_2}", previousMasterKeys: ["${KEY_1}"] }`;
const PRESENT = `{ masterKey: "${KEY_2}" }`;

describe.each<StoreKind>(['sqlite', 'postgres'])('the master key on %s', (kind) => {
  describe.skipIf(kind === 'postgres' && !hasPostgres)('', () => {
    const clock = fakeClock(Date.now());
    let database: TestDatabase;
    let folder: string;
    let own: KeyedProcess;
    let gateways: ServeProcess[];
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'countersign-master-key-'));
      gateways = [];
      database = await testDatabase(kind);
      own = await processWith(kind, database.address, { masterKey: '1' }, clock);
      await addFixtures(own.service);
      await configureTokens(own.service, APP_A, { refreshTokenUsagePolicy: 'OneTimeUse' });
    }, TEST_MS);
    afterEach(async () => {
      for (const gateway of gateways) gateway.kill('SIGKILL');
      await Promise.all(gateways.map((gateway) => gateway.exit()));
      await own.close();
      await database.remove();
      rmSync(folder, { recursive: true });
    });

    const configured = (secrets: string) => {
      const path = join(folder, `${Buffer.from(secrets).toString('hex').slice(0, 200)}.yaml`);
      writeFileSync(path, configOf(kind, database.address, secrets));
      return ['--config', path];
    };
    /** The origin of its API. */
    const serve = async (secrets: string) => {
      const gateway = serveProcess(configured(secrets));
      gateways.push(gateway);
      await gateway.listening();
      return { gateway, api: String(gateway.log().find(({ msg }) => msg === 'Listening')?.['api']) };
    };
    const end = async (gateway: ServeProcess) => {
      gateway.kill('SIGTERM');
      await gateway.exit();
    };
    const refresh = async (api: string, refreshToken: string): Promise<string> => {
      const response = await fetch(`${api}/api/jwt/refresh`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: KEY },
        body: JSON.stringify({ refreshToken }),
      });
      expect(response.status).toBe(200);
      return String(Reflect.get(Object(await response.json()), 'refreshToken'));
    };
    const command = (name: string, secrets: string) =>
      runCommand(['master-key', name, ...configured(secrets)], {});
    const present = createSealer(Buffer.from(KEY_2 ?? '')).keyId;
    /** Killed where it is in the middle of the sessions. */
    const killedReseal = async () => {
      const child = spawn(process.execPath, [MAIN, 'master-key', 'reseal', ...configured(BOTH)]);
      const isOver = new Promise((resolve) => child.once('close', resolve));
      await until(async () =>
        (await own.service.store.masterKeys.progress(present)).startsWith('refreshTokens '),
      );
      child.kill('SIGKILL');
      await isOver;
    };

    it(
      'changes while gateways serve; a command that is killed in the middle loses nothing',
      async () => {
        const { refreshToken } = await loginTo(own.service, APP_A);
        await addSessions(own.service, refreshToken.id, SESSIONS);
        const [one, two] = [await serve(FORMER), await serve(BOTH)];
        let { value } = refreshToken;
        for (const { api } of [one, two, one, two]) value = await refresh(api, value);
        expect(await command('status', BOTH)).toMatchObject({ code: 1 });
        expect((await command('reseal', BOTH)).output).toContain('within the last 5 minutes');

        await end(one.gateway);
        // As if five minutes had passed since it ended.
        await own.service.store.masterKeys.use(own.service.sealer.keyId, 1);
        await killedReseal();
        value = await refresh(two.api, value);
        expect(await command('reseal', BOTH)).toMatchObject({ code: 0 });
        const status = await command('status', BOTH);
        expect(status.output).toContain('previousMasterKeys can be emptied');
        expect(status.output).not.toMatch(/opens|seals/);
        await end(two.gateway);

        const three = await serve(PRESENT);
        value = await refresh(three.api, value);
        expect((await command('status', PRESENT)).output).toContain('needs no other master key');
      },
      TEST_MS,
    );

    it(
      'that is gone too early is asked for by its id, until it is forgotten',
      async () => {
        const { keyId } = own.service.sealer;
        const gateway = serveProcess(configured(PRESENT));
        expect(await gateway.exit()).toBe(1);
        expect(gateway.stderr()).toContain(`sealed under master key ${keyId} (last used 20`);
        expect(gateway.stderr()).not.toContain(KEY_2);
        const status = await command('status', PRESENT);
        expect(status.output).toMatch(new RegExp(`${keyId} +not in the configuration`));
        expect(status.output).toMatch(/no key +opens configuration objects +\d+/);
        const forget = (id: string) => runCommand(['master-key', 'forget', id, ...configured(PRESENT)], {});
        expect((await forget(present)).output).toContain('the configuration has this key');
        expect(await forget(keyId)).toMatchObject({ code: 0 });
        expect((await forget(keyId)).output).toContain('knows no such key');
      },
      TEST_MS,
    );
  });
});
