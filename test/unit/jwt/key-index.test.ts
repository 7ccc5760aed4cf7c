/** What is written down of generated keys, and what of it is not believed. */
import { describe, expect, it } from 'vitest';
import { indexText, type KeyEntry, parseIndex } from '../../../src/jwt/key-index.ts';

const ENTRY: KeyEntry = {
  id: 'k1',
  algorithm: 'EdDSA',
  state: 'retired',
  createdAtMs: 1000,
  activatedAtMs: 2000,
  retiredAtMs: null,
  longestTtlMs: 300_000,
};

/** The index of one key, with other members. */
function written(members: object): string {
  const [key] = JSON.parse(indexText([ENTRY])).keys;
  return JSON.stringify({ keys: [{ ...key, ...members }] });
}

describe('parseIndex()', () => {
  it('reads what was written', () => {
    const next = { ...ENTRY, id: 'k2', state: 'next', activatedAtMs: null } as const;
    expect(parseIndex(indexText([ENTRY, next]), 'here')).toEqual([ENTRY, next]);
  });

  it.each([
    ['no id', written({ id: undefined })],
    ['a path for an id', written({ id: '../k1' })],
    ['a line end behind its id', written({ id: 'k1\n' })],
    ['an empty id', written({ id: '' })],
    ['an id that is too long', written({ id: 'k'.repeat(129) })],
    ['an unknown state', written({ state: 'revoked' })],
    ['no state', written({ state: undefined })],
    ['no life', written({ longestTtlMs: '300000' })],
    ['a time that is none', written({ retiredAt: 'soon' })],
    ['a time in milliseconds', written({ retiredAt: 1000 })],
    ['no time', written({ retiredAt: undefined })],
  ])('refuses a key with %s, and says where', (_what, text) => {
    expect(() => parseIndex(text, 'the index')).toThrow(
      expect.objectContaining({ name: 'KeyDirectoryError', message: expect.stringContaining('the index') }),
    );
  });

  it('refuses an algorithm that is none', () => {
    expect(() => parseIndex(written({ algorithm: 'RS1' }), 'the index')).toThrow(/RS1/);
  });

  it.each(['', '{', '[]', '{}', '{"keys":{}}', '{"keys":[null]}', '{"keys":["k1"]}'])(
    'refuses %j, and repeats none of it',
    (text) =>
      expect(() => parseIndex(text, 'the index')).toThrow(
        expect.objectContaining({ name: 'KeyDirectoryError', message: expect.not.stringContaining('{') }),
      ),
  );
});
