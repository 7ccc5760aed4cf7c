import type { LookupAddress } from 'node:dns';
import { describe, expect, it, vi } from 'vitest';
import { guardedLookup } from '../../../src/forward/address-guard.ts';
import { createDocumentFetcher } from '../../../src/forward/fetch-document.ts';
import { json, startIdp } from '../../support/idp.ts';

/** What the resolver of this test says, by name. */
const records = vi.hoisted(() => new Map<string, { address: string; family: 4 | 6 }[]>());

vi.mock('node:dns', async (original) => ({
  ...(await original<typeof import('node:dns')>()),
  lookup: (hostname: string, _options: object, callback: (error: null, found: LookupAddress[]) => void) =>
    callback(null, records.get(hostname) ?? []),
}));

const lookUp = (hostname: string, all: boolean) =>
  new Promise((resolve, reject) => {
    guardedLookup(hostname, { all }, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
const ADDRESS_ERROR = expect.objectContaining({ name: 'AddressError' });

describe('guardedLookup', () => {
  it('gives all addresses, or the first one', async () => {
    records.set('idp.test', [
      { address: '192.0.2.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ]);
    expect(await lookUp('idp.test', true)).toEqual(records.get('idp.test'));
    expect(await lookUp('idp.test', false)).toBe('192.0.2.1');
  });

  it.each([
    ['169.254.169.254', 4],
    ['::ffff:169.254.169.254', 6],
    ['fe80::1', 6],
    ['fd00:ec2::254', 6],
  ] as const)('K02 refuses a name that resolves to %s', async (address, family) => {
    records.set('rebound.test', [{ address, family }]);
    await expect(lookUp('rebound.test', false)).rejects.toEqual(ADDRESS_ERROR);
  });

  it('K02 refuses a name when one address of several is forbidden', async () => {
    records.set('mixed.test', [
      { address: '192.0.2.1', family: 4 },
      { address: '169.254.1.1', family: 4 },
    ]);
    await expect(lookUp('mixed.test', true)).rejects.toEqual(ADDRESS_ERROR);
  });

  it('K02 refuses localhost where it is not loopback: plain http is allowed to it', async () => {
    records.set('evil.localhost', [{ address: '192.0.2.1', family: 4 }]);
    await expect(lookUp('evil.localhost', true)).rejects.toEqual(ADDRESS_ERROR);
  });
});

describe('fetchDocument', () => {
  const fetchDocument = createDocumentFetcher({ ca: null });

  it('K02 checks the address it connects to, at each fetch anew', async () => {
    const idp = await startIdp();
    idp.answerJwks(json({}));
    const url = idp.jwksUri.replace('127.0.0.1', 'idp.localhost');
    records.set('idp.localhost', [{ address: '127.0.0.1', family: 4 }]);
    expect(await fetchDocument({ url, etag: null, timeoutMs: 5000 })).toMatchObject({ status: 200 });
    records.set('idp.localhost', [{ address: '169.254.169.254', family: 4 }]);
    const rebound = fetchDocument({ url, etag: null, timeoutMs: 5000 });
    await expect(rebound).rejects.toMatchObject({ name: 'DocumentError', kind: 'address' });
    expect(idp.hits()).toBe(1);
    await idp.close();
  });
});
