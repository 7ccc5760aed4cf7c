import type * as Crypto from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';

/** What scrypt was asked for, in order. */
const costs: unknown[] = [];
vi.mock('node:crypto', async (importActual) => {
  const actual = await importActual<typeof Crypto>();
  const scrypt = (...args: Parameters<typeof Crypto.scrypt>) => {
    costs.push(args[3]);
    actual.scrypt(...args);
  };
  return { ...actual, scrypt };
});

const { hashPassword, verifyPassword } = await import('../../../src/tokens/password.ts');

/** Real hashes take a while: few serve all tests. */
const [hash, other] = await Promise.all([hashPassword('caf\u00e9'), hashPassword('caf\u00e9')]);
const cheap = `$scrypt$ln=4,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

describe('hashPassword()', () => {
  it('keeps the parameters, and a salt of its own, beside the hash', () => {
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(hash).not.toBe(other);
    expect(costs.slice(0, 2)).toMatchObject([
      { N: 32_768, r: 8, p: 3 },
      { N: 32_768, r: 8, p: 3 },
    ]);
  });
});

describe('verifyPassword()', () => {
  it('accepts the password, in either Unicode form, and no other', async () => {
    expect(await verifyPassword('cafe\u0301', hash)).toBe(true);
    expect(await verifyPassword('cafe', hash)).toBe(false);
  });

  it('works as hard where there is no hash (security.md T13)', async () => {
    costs.length = 0;
    expect(await verifyPassword('wrong', null)).toBe(false);
    expect(costs).toMatchObject([{ N: 32_768, r: 8, p: 3 }]);
  });

  it('takes the cost from the hash', async () => {
    costs.length = 0;
    expect(await verifyPassword('wrong', cheap)).toBe(false);
    expect(costs).toMatchObject([{ N: 16, r: 8, p: 1 }]);
  });

  it('fails on a hash of another form', async () => {
    for (const stored of ['', '$2b$12$abc', '$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$'])
      await expect(verifyPassword('x', stored)).rejects.toThrow('unknown form');
  });

  it('refuses more than it can work through with 429, and goes on afterwards', async () => {
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => verifyPassword('x', cheap)));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(80 - 66);
    expect(refused[0]).toMatchObject({ reason: { status: 429 } });
    expect(await verifyPassword('x', cheap)).toBe(false);
  });
});
