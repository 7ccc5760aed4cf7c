/** Generated signing keys in a store: one list for all instances, sealed, changed by one of them at a time. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { storedSigningKeys } from '../../../src/app/stored-signing-keys.ts';
import { keyDirectory } from '../../../src/jwt/key-directory.ts';
import { RETIRED_MARGIN_MS } from '../../../src/jwt/key-lifecycle.ts';
import { exportKeys, generateKey, listKeys, retireKey, rotateKeys } from '../../../src/jwt/key-operations.ts';
import type { KeyStorage } from '../../../src/jwt/key-storage.ts';
import { type Keyring, openKeyring } from '../../../src/jwt/keyring.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { fakeClock } from '../../support/clock.ts';
import { STORE_SEALER, type StoreKind } from '../../support/open-store.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { type TestDatabase, testDatabase } from '../../support/store.ts';
import { storedBytes } from '../../support/stored-bytes.ts';
import { recordingLog } from '../../support/verifier.ts';

const TTL_MS = 300_000;
const ROTATE = { algorithm: null, force: true };
const folder = mkdtempSync(join(tmpdir(), 'countersign-signing-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each<StoreKind>(['sqlite', 'postgres'])('on %s', (kind) => {
  describe.skipIf(kind === 'postgres' && !hasPostgres)('signing keys', () => {
    let database: TestDatabase;
    let store: Store;
    let clock = fakeClock();
    beforeEach(async () => {
      clock = fakeClock();
      database = await testDatabase(kind);
      store = await database.open();
      return () => database.remove();
    }, 60_000);

    const files = (directory: string) => keyDirectory(join(folder, directory));
    /** As an instance has them, on a store of its own. `directory`: where it kept keys before. */
    const instance = async (directory: string = randomUUID(), sealer = STORE_SEALER) =>
      storedSigningKeys({ store: await database.open(), sealer }, files(directory), clock);
    const openOn = (
      storage: KeyStorage,
      options: { isFilled?: boolean; isUntouched?: boolean } = {},
      log = recordingLog(),
    ) =>
      openKeyring({
        source: { storage, ...options },
        algorithms: ['EdDSA'],
        longestTtlMs: TTL_MS,
        clock,
        log,
      });
    const keys = (storage: KeyStorage) => ({ storage, clock, longestTtlMs: TTL_MS });
    const jwks = (keyring: Keyring) => keyring.published().jwks().body;

    it('are replaced by one of many, and only by who has seen them', async () => {
      expect(await store.signingKeys.get()).toBeNull();
      const first = await Promise.all(
        Array.from({ length: 8 }, (_, index) => store.signingKeys.replace(0, `${index}`)),
      );
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await store.signingKeys.get()).toEqual({ revision: 1, sealedKeys: `${first.indexOf(true)}` });
      const next = await Promise.all(Array.from({ length: 8 }, () => store.signingKeys.replace(1, 'next')));
      expect([next.filter(Boolean).length, await store.signingKeys.replace(1, 'late')]).toEqual([1, false]);
      expect(await store.signingKeys.get()).toEqual({ revision: 2, sealedKeys: 'next' });
    });

    it('are made by one of the instances that start together, and are the same for all', async () => {
      const storages = await Promise.all(Array.from({ length: 4 }, () => instance()));
      const log = recordingLog();
      const keyrings = await Promise.all(storages.map((storage) => openOn(storage, {}, log)));
      expect(new Set(keyrings.map(jwks)).size).toBe(1);
      expect(new Set(keyrings.map((keyring) => keyring.active('EdDSA').id)).size).toBe(1);
      expect(log.lines.map(({ message }) => message)).toEqual(['signing keys made']);
      expect(readdirSync(folder)).toEqual([]);
    });

    it('are read by workers, which make none', async () => {
      const storage = await instance();
      await expect(openOn(storage, { isFilled: true })).rejects.toThrow('No active key for EdDSA');
      const made = await openOn(storage);
      expect(jwks(await openOn(await instance(), { isFilled: true }))).toBe(jwks(made));
    });

    it('are made for the moment by what only looks', async () => {
      expect((await openOn(await instance(), { isUntouched: true })).active('EdDSA').state).toBe('active');
      expect(await store.signingKeys.get()).toBeNull();
    });

    it('rotate for all instances at once: next, active and retired are the same (AST-P42)', async () => {
      const [one, other] = [await instance(), await instance()];
      const keyrings = [await openOn(one), await openOn(other)];
      const [rotation] = await rotateKeys(keys(other), ROTATE);
      await Promise.all(keyrings.map((keyring) => keyring.reload()));
      for (const keyring of keyrings) {
        expect(keyring.active('EdDSA').id).toBe(rotation?.activatedId);
        expect(keyring.keys.map(({ state }) => state).toSorted()).toEqual(['active', 'next', 'retired']);
        expect(jwks(keyring)).toBe(await exportKeys(keys(one), 'jwks'));
      }
    });

    it('lose no rotation when two instances rotate together, and keep one active key', async () => {
      const [one, other] = [await instance(), await instance()];
      await openOn(one);
      const [[first], [second]] = await Promise.all([
        rotateKeys(keys(one), ROTATE),
        rotateKeys(keys(other), ROTATE),
      ]);
      expect([second?.retiredId === first?.activatedId, first?.retiredId === second?.activatedId]).toContain(
        true,
      );
      const states = (await listKeys(keys(one))).map(({ state }) => state);
      expect(states.toSorted()).toEqual(['active', 'next', 'retired', 'retired']);
    });

    it('are generated, taken out and forgotten', async () => {
      const storage = await instance();
      const { id } = (await openOn(storage)).active('EdDSA');
      const extra = await generateKey(keys(storage), 'ES256');
      await expect(retireKey(keys(storage), extra.id)).rejects.toThrow(/rotate first/);
      await rotateKeys(keys(storage), ROTATE);
      await retireKey(keys(storage), id);
      clock.advanceMs(TTL_MS + RETIRED_MARGIN_MS);
      await rotateKeys(keys(storage), ROTATE);
      expect((await listKeys(keys(storage))).map((entry) => entry.id)).not.toContain(id);
    });

    it('stand in the store unreadable, and open under their master key alone (security.md T12)', async () => {
      const keyring = await openOn(await instance());
      const { id } = keyring.active('EdDSA');
      const bytes = [...(await storedBytes(kind, database.address)).values()].join('');
      expect(bytes).not.toMatch(/PRIVATE KEY/);
      expect(bytes).not.toContain(id);
      const stranger = await instance(randomUUID(), createSealer(Buffer.alloc(32, 'other')));
      await expect(openOn(stranger)).rejects.toThrow('does not open');
      const { revision, sealedKeys } = (await store.signingKeys.get()) ?? { revision: 0, sealedKeys: '' };
      expect(await store.signingKeys.replace(revision, `${sealedKeys.slice(0, -4)}AAAA`)).toBe(true);
      const log = recordingLog();
      await expect(openOn(await instance())).rejects.toThrow('does not open');
      expect(log.lines).toEqual([]);
    });

    it('go on signing with those in use while the store cannot be read', async () => {
      const log = recordingLog();
      const opened = await database.open();
      const storage = storedSigningKeys({ store: opened, sealer: STORE_SEALER }, keyDirectory(folder), clock);
      const keyring = await openOn(storage, {}, log);
      const { id } = keyring.active('EdDSA');
      await opened.close();
      await keyring.reload();
      expect([keyring.active('EdDSA').id, log.lines.at(-1)?.level]).toEqual([id, 'error']);
    });

    describe('that were in a directory before', () => {
      let [before, elsewhere] = ['', ''];
      beforeEach(() => {
        [before, elsewhere] = [randomUUID(), randomUUID()];
        return () => {
          for (const name of [before, elsewhere])
            rmSync(join(folder, name), { recursive: true, force: true });
        };
      });
      const states = async (storage: KeyStorage) =>
        new Map((await listKeys(keys(storage))).map(({ id, state }) => [id, state]));
      const messages = (log: ReturnType<typeof recordingLog>) => log.lines.map(({ message }) => message);

      it('are taken along, once, and their files stay as they are', async () => {
        const inFiles = await openOn(files(before));
        const log = recordingLog();
        const moved = await openOn(await instance(before), {}, log);
        expect(jwks(moved)).toBe(jwks(inFiles));
        expect(messages(log)).toEqual([expect.stringContaining('are kept in the store from now on')]);
        const names = readdirSync(join(folder, before));
        expect(names.filter((name) => name.endsWith('.pem'))).toHaveLength(2);
        expect(names).toContain('keys.json.adopted');
        for (const name of names) expect(statSync(join(folder, before, name)).mode & 0o777).toBe(0o600);
        await openOn(await instance(before), {}, log);
        expect(log.lines).toHaveLength(1);
      });

      it('retire where the store has others, and verify until what they signed is dead', async () => {
        const signed = (await openOn(files(elsewhere))).active('EdDSA').id;
        await rotateKeys(keys(files(elsewhere)), ROTATE);
        await openOn(files(before));
        const first = await openOn(await instance(before));
        const log = recordingLog();
        const storage = await instance(elsewhere);
        const second = await openOn(storage, {}, log);
        const after = await states(storage);
        expect([...after.values()].toSorted()).toEqual(['active', 'next', 'retired', 'retired']);
        expect([second.active('EdDSA').id, after.get(signed)]).toEqual([first.active('EdDSA').id, 'retired']);
        expect(jwks(second)).toContain(signed);
        const retiredIds = [...after].filter(([, state]) => state === 'retired').map(([id]) => id);
        expect(log.lines).toMatchObject([{ level: 'warn', fields: { kids: retiredIds } }]);
        clock.advanceMs(TTL_MS + RETIRED_MARGIN_MS);
        for (const id of retiredIds) expect(jwks(second)).not.toContain(id);
      });

      it('are lost by none of two instances that start together', async () => {
        const ids = [];
        for (const name of [before, elsewhere]) ids.push((await openOn(files(name))).active('EdDSA').id);
        const storages = await Promise.all([instance(before), instance(elsewhere)]);
        await Promise.all(storages.map((storage) => openOn(storage)));
        const after = await states(await instance());
        expect(ids.map((id) => after.get(id)).toSorted()).toEqual(['active', 'retired']);
      });

      it('sign no more where the list of the store is lost', async () => {
        const { id } = (await openOn(files(before))).active('EdDSA');
        await openOn(await instance(before));
        await database.remove();
        database = await testDatabase(kind);
        store = await database.open();
        const storage = await instance(before);
        await openOn(storage);
        expect((await states(storage)).has(id)).toBe(false);
      });

      it('are named to the operator where their files cannot be set aside', async () => {
        await openOn(files(before));
        const directory = { ...files(before), setAside: () => Promise.reject(new Error('EROFS')) };
        const log = recordingLog();
        const storage = storedSigningKeys({ store, sealer: STORE_SEALER }, directory, clock);
        await openOn(storage, {}, log);
        expect(log.lines.at(-1)).toMatchObject({ level: 'warn', fields: { place: directory.place } });
      });
    });
  });
});
