import { describe, expect, it } from 'vitest';
import { networkRange } from '../../../src/config/schema/address.ts';

/** The range as it is believed, or what is wrong with it. */
function read(text: string): string {
  const { success, data, error } = networkRange().safeParse(text);
  return success ? data : (error.issues[0]?.message ?? '');
}

describe('networkRange()', () => {
  it.each(['::/7', '::/8', '::1/64', '::/80', '0:0:0:0:0:ffff::/81', '::ffff:0:0/95'])(
    'refuses %s, which takes in all of IPv4 (H03)',
    (range) => expect(read(range)).toContain('takes in IPv4 addresses'),
  );

  it.each([
    '::ffff:0:0/96',
    '0:0:0:0:0:ffff::/96',
    '0::ffff:0:0/96',
    '::FFFF:10.0.0.0/104',
    '0:0::ffff:a00:0/104',
    '::ffff:808:808',
  ])('refuses %s, which is IPv4 in another form (H03)', (range) =>
    expect(read(range)).toContain('write it as IPv4'),
  );

  it.each([
    ['::/6', 'too wide'],
    ['0::ffff:0:0/0', 'too wide'],
    ['fe80::1%eth0', 'no IP range'],
    ['fd00::/129', 'too long'],
  ])('refuses %s, which is %s (H03)', (range, why) => expect(read(range)).toContain(why));

  it.each([
    ['::1', '::1/128'],
    ['::/96', '::/96'],
    ['::ffff:1', '::ffff:1/128'],
    ['::fffe:0:0/96', '::fffe:0:0/96'],
    ['64:ff9b::/96', '64:ff9b::/96'],
    ['2000::/7', '2000::/7'],
    ['fc00::/7', 'fc00::/7'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7/32'],
  ])('takes %s as %s', (text, range) => expect(read(text)).toBe(range));
});
