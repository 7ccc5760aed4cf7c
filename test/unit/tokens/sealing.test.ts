import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MASTER_KEY_BYTES_MIN } from '../../../src/core/master-key.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';

const key = (byte: number, length = MASTER_KEY_BYTES_MIN) => new Uint8Array(length).fill(byte);
const sealer = createSealer(key(1));
const text = () => fc.string({ unit: 'binary' });

describe('createSealer()', () => {
  it.each([0, 16, MASTER_KEY_BYTES_MIN - 1])(
    'refuses a master key of %d bytes, and says what it needs',
    (length) => {
      expect(() => createSealer(key(1, length))).toThrow(`has ${length} bytes; it needs 32 or more`);
    },
  );

  it('refuses a previous master key that is too short', () => {
    expect(() => createSealer(key(1), [key(2, 31)])).toThrow(RangeError);
  });

  it('names no byte of a refused key', () => {
    expect(() => createSealer(new TextEncoder().encode('hunter2'))).toThrow(/^(?!.*hunter2)/);
  });
});

describe('Sealer.seal() and open()', () => {
  it('give back any text in its context', () => {
    fc.assert(
      fc.property(text(), text(), (plaintext, context) => {
        expect(sealer.open(sealer.seal(plaintext, context), context)).toBe(plaintext);
      }),
    );
  });

  it('T12 show nothing of the text, and never the same twice', () => {
    const sealed = [sealer.seal('a refresh token', 'x'), sealer.seal('a refresh token', 'x')];
    expect(sealed[0]).toMatch(/^v1\.[\w-]+$/);
    expect(Buffer.from(sealed[0]!.slice(3), 'base64url').toString('latin1')).not.toContain('refresh');
    expect(new Set(sealed).size).toBe(2);
  });

  it('refuse a value that was moved to another context', () => {
    fc.assert(
      fc.property(text(), text(), text(), (plaintext, context, other) => {
        fc.pre(context !== other);
        expect(() => sealer.open(sealer.seal(plaintext, context), other)).toThrow('does not open');
      }),
    );
  });

  it('refuse a value in which one character differs, or which is cut or longer', () => {
    const sealed = sealer.seal('plaintext', 'context');
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.constantFrom('A', 'z', '0', '-', '.', '=', ''),
        (at, other) => {
          const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
          fc.pre(altered !== sealed);
          expect(() => sealer.open(altered, 'context')).toThrow();
        },
      ),
    );
    for (const altered of [`${sealed}A`, `${sealed}=`, ` ${sealed}`, sealed.slice(0, -4), 'v1.', ''])
      expect(() => sealer.open(altered, 'context')).toThrow();
  });

  it('refuse a value of another version', () => {
    expect(() => sealer.open(sealer.seal('x', 'c').replace('v1.', 'v2.'), 'c')).toThrow('no sealed value');
  });

  it('open what a previous master key sealed, and seal with the present one', () => {
    const rotated = createSealer(key(2), [key(1)]);
    expect(rotated.open(sealer.seal('old', 'c'), 'c')).toBe('old');
    expect(() => sealer.open(rotated.seal('new', 'c'), 'c')).toThrow('does not open');
  });

  it('refuse what an unknown master key sealed', () => {
    expect(() => createSealer(key(3), [key(2)]).open(sealer.seal('x', 'c'), 'c')).toThrow('does not open');
  });
});

describe('Sealer.lookup()', () => {
  it('is the same for the same value and purpose, in another process too', () => {
    expect(createSealer(key(1)).lookup('value', 'refresh')).toBe(sealer.lookup('value', 'refresh'));
  });

  it('differs by value, by purpose and by where one ends and the other begins', () => {
    fc.assert(
      fc.property(text(), text(), text(), text(), (value, purpose, otherValue, otherPurpose) => {
        fc.pre(value !== otherValue || purpose !== otherPurpose);
        expect(sealer.lookup(value, purpose)).not.toBe(sealer.lookup(otherValue, otherPurpose));
      }),
    );
    expect(sealer.lookup('bc', 'a')).not.toBe(sealer.lookup('c', 'ab'));
  });

  it('differs by master key, and is no plain hash', () => {
    const found = sealer.lookup('value', 'refresh');
    expect(found).toMatch(/^[\w-]{43}$/);
    expect(createSealer(key(2)).lookup('value', 'refresh')).not.toBe(found);
  });
});
