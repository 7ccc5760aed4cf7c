import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JWKS_MAX_AGE_MS } from '../../../src/core/published-keys.ts';
import { keyDirectory } from '../../../src/jwt/key-directory.ts';
import { KEYS_RELOAD_MS, RETIRED_MARGIN_MS } from '../../../src/jwt/key-lifecycle.ts';
import { exportKeys, generateKey, listKeys, retireKey, rotateKeys } from '../../../src/jwt/key-operations.ts';
import { type Keyring, openKeyring } from '../../../src/jwt/keyring.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { type FakeClock, fakeClock } from '../../support/clock.ts';
import { givenKey, testKeyring } from '../../support/minting.ts';
import { testKey } from '../../support/tokens.ts';
import { recordingLog } from '../../support/verifier.ts';

const TTL_MS = 300_000;
const k1 = testKey('ES256', 'k1');
const k2 = testKey('ES256', 'k2');

let parent: string;
let directory: string;
let clock: FakeClock;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
  directory = join(parent, 'keys');
  clock = fakeClock();
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function open(algorithms = ['EdDSA'], log = recordingLog(), longestTtlMs = TTL_MS): Promise<Keyring> {
  return openKeyring({ source: { storage: keyDirectory(directory) }, algorithms, longestTtlMs, clock, log });
}

const keys = () => ({ storage: keyDirectory(directory), clock, longestTtlMs: TTL_MS });
const rotate = (force = false) => rotateKeys(keys(), { algorithm: null, force });
const waitUntilSeen = () => clock.advanceMs(JWKS_MAX_AGE_MS + KEYS_RELOAD_MS);

function kidsOf(keyring: Keyring): unknown[] {
  return jwksOf(keyring).map(({ kid }) => kid);
}

function jwksOf(keyring: Keyring): Record<string, unknown>[] {
  return JSON.parse(keyring.published().jwks().body).keys;
}

describe('openKeyring of a directory that another process fills', () => {
  const openFilled = () =>
    openKeyring({
      source: { storage: keyDirectory(directory), isFilled: true },
      algorithms: ['EdDSA'],
      longestTtlMs: TTL_MS,
      clock,
      log: recordingLog(),
    });

  it('signs with the keys that are there', async () => {
    const filled = await open();
    expect((await openFilled()).active('EdDSA').id).toBe(filled.active('EdDSA').id);
  });

  it('makes none where there are none', async () => {
    await expect(openFilled()).rejects.toThrow('No active key for EdDSA');
    expect(existsSync(directory)).toBe(false);
  });
});

describe('openKeyring with given keys', () => {
  it('AST-P42 signs with the active key and publishes both', async () => {
    const keyring = await testKeyring([k1, k2], [givenKey(k1, { state: 'retired' }), givenKey(k2)]);
    expect([keyring.active('ES256').id, kidsOf(keyring)]).toEqual(['k2', ['k1', 'k2']]);
  });

  it('AST-P41 publishes no private member', async () => {
    const keyring = await testKeyring([k1]);
    expect(Object.keys(jwksOf(keyring)[0] ?? {}).sort()).toEqual([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
      'y',
    ]);
  });

  it('AST-P41 publishes a key with certificate under the id of API Manager too', async () => {
    const keyring = await testKeyring([k1], [givenKey(k1, { certificatePem: selfSignedCertificate(k1) })]);
    expect(kidsOf(keyring)).toEqual(['k1', keyring.active('ES256').certificate?.wso2Kid]);
  });

  it('never publishes a secret', async () => {
    const given = givenKey(k1, { privateKey: 's'.repeat(32) });
    const keyring = await testKeyring([{ ...k1, alg: 'HS256' }], [given]);
    expect([jwksOf(keyring), keyring.published().pem()]).toEqual([[], '']);
  });

  it('publishes PEM blocks that hold public keys', async () => {
    const keyring = await testKeyring([k1]);
    expect(keyring.published().pem()).toBe(k1.publicKey.export({ format: 'pem', type: 'spki' }));
  });

  it.each([
    ['no active key', [givenKey(k1, { state: 'next' })], /No active key for ES256/],
    ['two active keys', [givenKey(k1), givenKey(k2)], /both active/],
    ['two keys of one id', [givenKey(k1), givenKey(k2, { id: 'k1', state: 'next' })], /Two keys have the id/],
  ])('refuses %s', async (_what, given, message) => {
    await expect(testKeyring([k1, k2], given)).rejects.toThrow(message);
  });

  it('needs no key for unsigned assertions', async () => {
    const keyring = await openKeyring({
      source: { keys: [] },
      algorithms: ['none'],
      longestTtlMs: TTL_MS,
      clock,
      log: recordingLog(),
    });
    expect(jwksOf(keyring)).toEqual([]);
  });
});

describe('openKeyring with a directory', () => {
  it('makes an active and a next key, and publishes both', async () => {
    const keyring = await open();
    expect(keyring.keys.map(({ state }) => state).sort()).toEqual(['active', 'next']);
    expect(kidsOf(keyring)).toHaveLength(2);
  });

  it('Y04 lets nobody but the owner read keys', async () => {
    await open();
    const modes = readdirSync(directory).map((file) => statSync(join(directory, file)).mode & 0o777);
    expect([...new Set(modes), statSync(directory).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  it('says which setting leads to a folder that cannot be made', async () => {
    const inAFile = keyDirectory(import.meta.filename);
    const options = { algorithms: ['EdDSA'], longestTtlMs: TTL_MS, clock, log: recordingLog() };
    const opened = openKeyring({ ...options, source: { storage: inAFile } });
    await expect(opened).rejects.toMatchObject({
      name: 'KeyDirectoryError',
      message: expect.stringContaining('dataDir'),
    });
  });

  it('finds the same keys again', async () => {
    const first = await open();
    expect(kidsOf(await open())).toEqual(kidsOf(first));
  });

  it('gives processes that start together the same keys', async () => {
    const keyrings = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(new Set(keyrings.map((keyring) => keyring.active('EdDSA').id)).size).toBe(1);
    expect(readdirSync(directory)).toHaveLength(3);
  });

  it('makes keys in one of the processes that start together', async () => {
    const log = recordingLog();
    await Promise.all(Array.from({ length: 8 }, () => open(['EdDSA'], log)));
    expect(log.lines.map(({ message }) => message)).toEqual(['signing keys made']);
  });

  it('makes keys for an algorithm that is wanted later', async () => {
    const { id } = (await open()).active('EdDSA');
    const keyring = await open(['EdDSA', 'ES256']);
    expect([keyring.active('EdDSA').id, keyring.active('ES256').algorithm]).toEqual([id, 'ES256']);
  });

  it('makes one HS256 secret and publishes nothing', async () => {
    const keyring = await open(['HS256']);
    expect([keyring.keys.length, jwksOf(keyring)]).toEqual([1, []]);
  });

  it('Y04 warns where others can read a key', async () => {
    await open();
    const [key = ''] = readdirSync(directory).filter((file) => file.endsWith('.pem'));
    chmodSync(join(directory, key), 0o644);
    const log = recordingLog();
    await open(['EdDSA'], log);
    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'warn', fields: { path: join(directory, key) } }),
    ]);
  });

  it.each([
    ['no JSON', '{'],
    ['no list', '{}'],
    ['an id that leaves the directory', '{"keys":[{"id":"../x","state":"active","longestTtlMs":1}]}'],
    ['an unknown state', '{"keys":[{"id":"x","state":"old","longestTtlMs":1}]}'],
  ])('refuses an index with %s', async (_what, text) => {
    await open();
    writeFileSync(join(directory, 'keys.json'), text);
    await expect(open()).rejects.toThrow(/keys.json/);
  });

  it('leaves no temporary file and no lock', async () => {
    await open();
    expect(readdirSync(directory).filter((file) => !/\.pem$|^keys\.json$/.test(file))).toEqual([]);
  });
});

describe('rotateKeys', () => {
  it('lets the next key sign, retires the active one, and makes a new next key', async () => {
    const before = await open();
    const next = before.keys.find(({ state }) => state === 'next');
    waitUntilSeen();
    const [rotation] = await rotate();
    expect(rotation).toMatchObject({ activatedId: next?.id, retiredId: before.active('EdDSA').id });
    expect((await open()).keys.map(({ state }) => state).sort()).toEqual(['active', 'next', 'retired']);
  });

  it('refuses while backends may not have seen the next key', async () => {
    await open();
    clock.advanceMs(JWKS_MAX_AGE_MS);
    await expect(rotate()).rejects.toThrow(/wait, or force/);
  });

  it('rotates at once when forced', async () => {
    const before = await open();
    await rotate(true);
    expect((await open()).active('EdDSA').id).not.toBe(before.active('EdDSA').id);
  });

  it('changes nothing where one of several algorithms is refused', async () => {
    await open(['EdDSA']);
    waitUntilSeen();
    await open(['EdDSA', 'ES256']);
    const before = readFileSync(join(directory, 'keys.json'), 'utf8');
    await expect(rotate()).rejects.toThrow(/wait, or force/);
    expect(readFileSync(join(directory, 'keys.json'), 'utf8')).toBe(before);
  });

  it('rotates one algorithm alone where asked', async () => {
    const before = await open(['EdDSA', 'ES256']);
    await rotateKeys(keys(), { algorithm: 'ES256', force: true });
    expect((await open(['EdDSA', 'ES256'])).active('EdDSA').id).toBe(before.active('EdDSA').id);
  });

  it('refuses where there is nothing to rotate', async () => {
    await open();
    await expect(rotateKeys(keys(), { algorithm: 'RS256', force: true })).rejects.toThrow(/no active key/);
  });

  it('AST-P42 publishes the retired key until the last assertion it signed is dead, and no longer', async () => {
    const { id } = (await open()).active('EdDSA');
    await rotate(true);
    const keyring = await open();
    clock.advanceMs(TTL_MS + RETIRED_MARGIN_MS - 1);
    expect(kidsOf(keyring)).toContain(id);
    clock.advanceMs(1);
    expect(kidsOf(keyring)).not.toContain(id);
  });

  it('keeps a retired key as long as it was ever configured to sign for', async () => {
    await open();
    const { id } = (await open(['EdDSA'], recordingLog(), 10 * TTL_MS)).active('EdDSA');
    await rotate(true);
    clock.advanceMs(10 * TTL_MS);
    expect(kidsOf(await open())).toContain(id);
  });

  it('forgets dead keys and their files', async () => {
    const { id } = (await open()).active('EdDSA');
    await rotate(true);
    clock.advanceMs(TTL_MS + RETIRED_MARGIN_MS);
    await rotate(true);
    expect(readdirSync(directory)).not.toContain(`${id}.pem`);
  });

  it('loses no rotation when two happen together', async () => {
    await open();
    const [[first], [second]] = await Promise.all([rotate(true), rotate(true)]);
    // Either may be the earlier one.
    expect([second?.retiredId === first?.activatedId, first?.retiredId === second?.activatedId]).toContain(
      true,
    );
  });
});

describe('keyDirectory', () => {
  it('changes nothing for a process that was taken for dead meanwhile', async () => {
    await open();
    const before = readFileSync(join(directory, 'keys.json'), 'utf8');
    const late = keyDirectory(directory).change(() => {
      writeFileSync(join(directory, 'keys.lock'), 'another one');
      return Promise.resolve({ entries: [], made: [], result: null });
    });
    await expect(late).rejects.toThrow('was taken by another process meanwhile');
    expect(readFileSync(join(directory, 'keys.json'), 'utf8')).toBe(before);
  });
});

describe('Keyring.reload', () => {
  it('takes over a rotation and raises the generation', async () => {
    const keyring = await open();
    const [rotation] = await rotate(true);
    await keyring.reload();
    expect([keyring.active('EdDSA').id, keyring.generation]).toEqual([rotation?.activatedId, 2]);
  });

  it('leaves the generation where nothing changed', async () => {
    const keyring = await open();
    await keyring.reload();
    expect(keyring.generation).toBe(1);
  });

  it('changes the entity tag with the keys', async () => {
    const keyring = await open();
    const { etag } = keyring.published().jwks();
    await rotate(true);
    await keyring.reload();
    expect(keyring.published().jwks().etag).not.toBe(etag);
  });

  it('keeps the keys in use where the directory is broken', async () => {
    const log = recordingLog();
    const keyring = await open(['EdDSA'], log);
    const { id } = keyring.active('EdDSA');
    writeFileSync(join(directory, 'keys.json'), '{');
    await keyring.reload();
    expect([keyring.active('EdDSA').id, log.lines.at(-1)?.level]).toEqual([id, 'error']);
  });
});

describe('generateKey', () => {
  it('makes the first key of an algorithm active', async () => {
    await open();
    expect((await generateKey(keys(), 'ES384')).state).toBe('active');
  });

  it('makes the directory where it is missing, for its owner only', async () => {
    await generateKey(keys(), 'EdDSA');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('makes a further key next', async () => {
    await open();
    await generateKey(keys(), 'ES384');
    expect((await generateKey(keys(), 'ES384')).state).toBe('next');
  });

  it('refuses a second next key', async () => {
    await open();
    await expect(generateKey(keys(), 'EdDSA')).rejects.toThrow(/has a next key already/);
  });
});

describe('retireKey', () => {
  it('refuses the key that signs', async () => {
    const { id } = (await open()).active('EdDSA');
    await expect(retireKey(keys(), id)).rejects.toThrow(/rotate first/);
  });

  it('refuses an unknown key', async () => {
    await open();
    await expect(retireKey(keys(), 'nobody')).rejects.toThrow(/there is no key/);
  });

  it('takes a retired key out of the set at once', async () => {
    const { id } = (await open()).active('EdDSA');
    await rotate(true);
    await retireKey(keys(), id);
    expect([kidsOf(await open()).includes(id), readdirSync(directory).includes(`${id}.pem`)]).toEqual([
      false,
      false,
    ]);
  });
});

describe('listKeys', () => {
  it('tells state and times', async () => {
    await open();
    const [active] = (await listKeys(keys())).filter(({ state }) => state === 'active');
    expect(active).toMatchObject({ algorithm: 'EdDSA', activatedAtMs: clock(), retiredAtMs: null });
  });
});

describe('exportKeys', () => {
  it('writes the published set', async () => {
    const keyring = await open();
    expect(await exportKeys(keys(), 'jwks')).toBe(keyring.published().jwks().body);
  });

  it('writes public keys as PEM and no private one', async () => {
    await open();
    const pem = await exportKeys(keys(), 'pem');
    expect([pem.match(/BEGIN PUBLIC KEY/g)?.length, pem.includes('PRIVATE')]).toEqual([2, false]);
  });
});
