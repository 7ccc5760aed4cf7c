import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { fusionRealm, PLACES, statusOf, withRealms } from '../support/fusion.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { keySet, startIdp } from '../support/idp.ts';
import { testKey } from '../support/tokens.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway(withRealms([fusionRealm()], 'algorithm: ES256'));
});
afterEach(() => gateway.stop());

function run(...args: string[]): Promise<CommandResult> {
  const config = ['--config', join(gateway.folder, 'countersign.yaml')];
  return runCommand([...args, ...config], { BACKEND: gateway.backend.url });
}

interface ListedKey {
  readonly id: string;
  readonly algorithm: string;
  readonly state: string;
}

async function listedKeys(): Promise<ListedKey[]> {
  const { code, output } = await run('keys', 'list');
  expect(code).toBe(0);
  return [...output.matchAll(/^ {2}(\S+) +(\S+) +(next|active|retired) +since \S+$/gm)].map(
    ([, id = '', algorithm = '', state = '']) => ({ id, algorithm, state }),
  );
}

const idsOf = (keys: readonly ListedKey[], state: string) =>
  keys.filter((key) => key.state === state).map(({ id }) => id);

async function signingKid(): Promise<unknown> {
  expect(await statusOf(gateway, t1())).toBe(200);
  return gateway.assertion().header['kid'];
}

/** As if all keys had been made an hour ago, so that every backend has seen them. */
function backdate(): void {
  const path = join(gateway.folder, 'data/keys/keys.json');
  const index: { keys: Record<string, unknown>[] } = JSON.parse(readFileSync(path, 'utf8'));
  const createdAt = new Date(Date.now() - 3_600_000).toISOString();
  writeFileSync(path, JSON.stringify({ keys: index.keys.map((key) => ({ ...key, createdAt })) }));
}

describe('keys list', () => {
  it('shows the key that signs, and the next one', async () => {
    const keys = await listedKeys();
    expect(keys.map(({ algorithm, state }) => `${algorithm} ${state}`).sort()).toEqual([
      'ES256 active',
      'ES256 next',
    ]);
    expect(idsOf(keys, 'active')).toEqual([await signingKid()]);
  });

  it('shows the key sets of realms, and what is wrong with them', async () => {
    const idp = await startIdp();
    idp.answerJwks(keySet([testKey('RS256', 'good').jwk, { kty: 'oct', kid: 'bad', k: 'AAAA' }]));
    const remote = fusionRealm({ signingKey: null, jwksUri: `"${idp.jwksUri}"` });
    await gateway.reload(withRealms([remote]));
    const { output } = await run('keys', 'list');
    expect(output).toContain(`fusion  fresh  ${idp.jwksUri}  keys: good`);
    expect(output).toMatch(/left out: bad: /);
    await idp.close();
    expect((await run('keys', 'list')).output).toMatch(/fusion {2}loading .*keys: none\n {4}last error: /);
  });

  it('says so where nothing is signed', async () => {
    await gateway.reload(`dataDir: ./elsewhere\n${withRealms([fusionRealm()], 'enabled: false')}`);
    expect((await run('keys', 'list')).output).toContain('none: nothing is signed');
  });
});

describe('keys generate', () => {
  it('makes no second next key', async () => {
    const { code, output } = await run('keys', 'generate');
    expect(code).toBe(1);
    expect(output).toContain('ES256 has a next key already');
  });

  it('makes a key of another algorithm', async () => {
    expect(await run('keys', 'generate', '--algorithm', 'EdDSA')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^\S+ {2}EdDSA {2}active\n$/),
    });
    expect((await listedKeys()).map(({ algorithm }) => algorithm)).toContain('EdDSA');
  });

  it.each([
    ['that nobody knows', 'MD5'],
    ['that only callers may use', 'ES512'],
    ['that only callers may use', 'HS384'],
    ['that only callers may use', 'HS512'],
  ])('refuses an algorithm %s: %s', async (_what, algorithm) => {
    const { code, output } = await run('keys', 'generate', '--algorithm', algorithm);
    expect(code).toBe(1);
    expect(output).toContain(`Algorithm ${algorithm} cannot sign assertions: RS256, `);
    expect((await listedKeys()).map((key) => key.algorithm)).not.toContain(algorithm);
  });
});

describe('keys rotate', () => {
  it('refuses an algorithm that no assertion may have', async () => {
    const { code, output } = await run('keys', 'rotate', '--algorithm', 'ES512');
    expect(code).toBe(1);
    expect(output).toContain('Algorithm ES512 cannot sign assertions');
  });

  it('refuses while backends may not know the next key', async () => {
    const before = await listedKeys();
    const { code, output } = await run('keys', 'rotate');
    expect(code).toBe(1);
    expect(output).toContain(`backends may not know key ${idsOf(before, 'next')[0]} before `);
    expect(await listedKeys()).toEqual(before);
  });

  it('lets the next key sign once it has been published for long enough', async () => {
    const next = idsOf(await listedKeys(), 'next');
    backdate();
    expect((await run('keys', 'rotate')).code).toBe(0);
    expect(idsOf(await listedKeys(), 'active')).toEqual(next);
  });

  it('is followed by a running gateway at its reload; what was signed before still verifies', async () => {
    const oldKid = await signingKid();
    const oldAssertion = gateway.assertion().value;
    const { code, output } = await run('keys', 'rotate', '--force');
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`^ES256: \\S+ signs, ${oldKid} is retired, \\S+ is next\n$`));
    expect(await gateway.app.reload()).toBe(true);
    const newKid = await signingKid();
    expect([newKid]).toEqual(idsOf(await listedKeys(), 'active'));
    expect(newKid).not.toBe(oldKid);
    const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    await jwtVerify(oldAssertion, keys);
    await jwtVerify(gateway.assertion().value, keys);
  });
});

describe('keys retire', () => {
  it('takes a retired key out of the published set', async () => {
    const oldKid = String(await signingKid());
    await run('keys', 'rotate', '--force');
    const { code, output } = await run('keys', 'retire', oldKid);
    expect({ code, output }).toEqual({ code: 0, output: `${oldKid} is no longer published\n` });
    await gateway.app.reload();
    expect(await (await gateway.get('/.well-known/jwks.json')).text()).not.toContain(oldKid);
  });

  it.each([
    ['the key that signs', () => signingKid(), 'rotate first'],
    ['a key that is none', () => Promise.resolve('nope'), 'there is no key nope'],
    ['a path', () => Promise.resolve('../countersign'), 'there is no key ../countersign'],
  ])('refuses %s', async (_what, kid, message) => {
    const { code, output } = await run('keys', 'retire', String(await kid()));
    expect(code).toBe(1);
    expect(output).toContain(message);
  });
});

describe('keys export', () => {
  it('prints the set that the gateway publishes', async () => {
    const { code, output } = await run('keys', 'export');
    expect(code).toBe(0);
    const published = await (await gateway.get('/.well-known/jwks.json')).json();
    expect(JSON.parse(output)).toEqual(published);
  });

  it('prints public keys in PEM, and no private one', async () => {
    const { output } = await run('keys', 'export', '--format', 'pem');
    expect(output.match(/-----BEGIN PUBLIC KEY-----/g)).toHaveLength(2);
    expect(output).not.toContain('PRIVATE');
  });

  it.each(['jwks', 'pem'])('says in %s that there are none yet, and fails', async (format) => {
    const path = join(gateway.folder, 'not-started.yaml');
    const text = readFileSync(join(gateway.folder, 'countersign.yaml'), 'utf8');
    writeFileSync(path, text.replace('version: 1', 'version: 1\ndataDir: not-started'));
    const { code, stdout, output } = await runCommand(
      ['keys', 'export', '--format', format, '--config', path],
      { BACKEND: gateway.backend.url },
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(output).toContain('none yet: they are made when the gateway starts');
  });

  it('refuses another format with the usage', async () => {
    expect(await run('keys', 'export', '--format', 'der')).toMatchObject({ code: 64 });
  });
});

describe('keys of the operator', () => {
  it('are listed and exported, and changed in their files only', async () => {
    const pem = testKey('ES256').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(join(gateway.folder, 'own.pem'), pem, { mode: 0o600 });
    const own = 'algorithm: ES256, keys: [{ id: own, privateKeyFile: own.pem, state: active }]';
    expect(await gateway.reload(withRealms([fusionRealm()], own))).toBe(true);
    expect((await run('keys', 'list')).output).toMatch(/^ {2}own {2}from a file {2}active$/m);
    expect(JSON.parse((await run('keys', 'export')).output).keys).toMatchObject([{ kid: 'own' }]);
    for (const command of [['generate'], ['rotate'], ['retire', 'own']]) {
      const { code, output } = await run('keys', ...command);
      expect(code).toBe(1);
      expect(output).toContain('change them there');
    }
    expect((await gateway.get(PLACES, t1())).status).toBe(200);
  });
});
