import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventLogType } from '../../../src/tokens/event-log-table.ts';
import type { LoginRecord, Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import { NOW_MS } from '../../support/stored-objects.ts';

const EVERYTHING = { startRow: 0, numberOfResults: 100 };

describe('the event log', () => {
  eachStore((_, open) => {
    let store: Store;
    const log = (message: string, type: EventLogType = 'Information', insertInstant = NOW_MS) =>
      store.eventLogs.insert({ insertInstant, type, message });
    const found = async (search: object) => {
      const { total, eventLogs } = await store.eventLogs.search({ ...EVERYTHING, ...search });
      expect(total).toBe(eventLogs.length);
      return eventLogs.map(({ message }) => message);
    };
    beforeAll(async () => {
      store = await open();
    });

    it('numbers entries, each higher than the one before', async () => {
      const ids = [await log('one'), await log('two', 'Error', NOW_MS - 5)];
      expect(ids[1]).toBeGreaterThan(ids[0] ?? 0);
      expect(await store.eventLogs.get(ids[1] ?? 0)).toEqual({
        id: ids[1],
        insertInstant: NOW_MS - 5,
        type: 'Error',
        message: 'two',
      });
    });

    it('has no entry by a number that was not given', async () => {
      expect(await store.eventLogs.get(999_999)).toBeNull();
    });

    it('is searched by a part of the message in any case, `*` for anything, and signs of LIKE as themselves', async () => {
      const mark = randomUUID();
      const messages = [`${mark} Größe 100%`, `${mark} groesse 1000`, `${mark} a_b\\c\0`];
      for (const message of messages) await log(message);
      expect(await found({ message: `${mark} GRÖSSE`.replace('SS', 'ß') })).toEqual([messages[0]]);
      expect(await found({ message: `${mark}*100` })).toEqual([messages[1], messages[0]]);
      expect(await found({ message: `${mark}*100%` })).toEqual([messages[0]]);
      expect(await found({ message: `${mark} A_B\\C` })).toEqual([messages[2]]);
      expect(await found({ message: `${mark} a__\\c` })).toEqual([]);
    });

    it('is searched by type and time, both ends included', async () => {
      const at = NOW_MS + 86_400_000;
      for (const [index, type] of (['Debug', 'Error', 'Debug'] as const).entries())
        await log(`${index}`, type, at + index);
      expect(await found({ start: at, end: at + 1 })).toEqual(['1', '0']);
      expect(await found({ start: at, type: 'Debug' })).toEqual(['2', '0']);
    });

    it('gives pages, newest first, and the number of all', async () => {
      const mark = randomUUID();
      for (let index = 0; index < 5; index++) await log(`${mark} ${index}`);
      const page = await store.eventLogs.search({ message: mark, startRow: 1, numberOfResults: 2 });
      expect(page.total).toBe(5);
      expect(page.eventLogs.map(({ message }) => message)).toEqual([`${mark} 3`, `${mark} 2`]);
    });

    it('keeps the newest', async () => {
      for (let index = 0; index < 5; index++) await log(`${index}`);
      expect(await store.eventLogs.trim(3)).toBeGreaterThanOrEqual(2);
      expect(await found({})).toEqual(['4', '3', '2']);
      expect(await store.eventLogs.trim(3)).toBe(0);
      expect(await log('next')).toBeGreaterThan(5);
    });
  });
});

describe('login records', () => {
  eachStore((_, open) => {
    let store: Store;
    const aRecord = (over: Partial<LoginRecord> = {}): LoginRecord => ({
      tenantId: randomUUID(),
      userId: randomUUID(),
      applicationId: null,
      ipAddress: '192.0.2.1',
      instant: NOW_MS,
      ...over,
    });
    beforeAll(async () => {
      store = await open();
    });

    it('JWT-S28 are listed by user, newest first, no more than asked for', async () => {
      const userId = randomUUID();
      const records = [1, 2, 3].map((at) => aRecord({ userId, instant: NOW_MS + at }));
      for (const record of [...records, aRecord()]) await store.loginRecords.insert(record);
      expect(await store.loginRecords.list(userId, 2)).toEqual([records[2], records[1]]);
    });

    it('that are old are cleared away, the oldest first, no more than asked for', async () => {
      const userId = randomUUID();
      const records = [-3, -2, -1, 0].map((at) => aRecord({ userId, instant: at + 10 }));
      for (const record of records) await store.loginRecords.insert(record);
      expect(await store.loginRecords.trim(10, 2)).toBe(2);
      expect(await store.loginRecords.list(userId, 10)).toEqual([records[3], records[2]]);
      expect(await store.loginRecords.trim(10, 2)).toBe(1);
    });
  });
});
