/** Bodies against schemas: what is dropped, what is named. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { mergePatch } from '../../../../src/http/api/merge-patch.ts';
import { validate } from '../../../../src/http/api/validate.ts';
import { ServiceError } from '../../../../src/tokens/failure.ts';

const schema = z.object({
  user: z.strictObject({
    name: z.string().min(2).max(5),
    inner: z.strictObject({ a: z.int() }).optional(),
    list: z.array(z.strictObject({ b: z.string() })).default([]),
  }),
});

function codes(given: unknown): Record<string, string[]> {
  try {
    validate(schema, given);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { fieldErrors = {}, generalErrors = [] } = error.errors ?? {};
    const fields = Object.entries(fieldErrors).map(([field, entries]) => [
      field,
      entries.map(({ code }) => code),
    ]);
    return Object.fromEntries([
      ...fields,
      ...(generalErrors.length > 0 ? [['', generalErrors.map(({ code }) => code)]] : []),
    ]);
  }
  return {};
}

describe('validate()', () => {
  it('drops members that the schema does not know, on every level, and changes nothing that it was given', () => {
    const given = { x: 1, user: { name: 'abc', y: 2, inner: { a: 1, z: 3 }, list: [{ b: 'b', w: 4 }] } };
    const before = structuredClone(given);
    expect(validate(schema, given)).toEqual({ user: { name: 'abc', inner: { a: 1 }, list: [{ b: 'b' }] } });
    expect(given).toEqual(before);
  });

  it.each<[unknown, Record<string, string[]>]>([
    [{}, { user: ['[blank]user'] }],
    [{ user: {} }, { 'user.name': ['[blank]user.name'] }],
    [{ user: { name: null } }, { 'user.name': ['[blank]user.name'] }],
    [{ user: { name: '' } }, { 'user.name': ['[blank]user.name'] }],
    [{ user: { name: 7 } }, { 'user.name': ['[invalid]user.name'] }],
    [{ user: { name: 'a' } }, { 'user.name': ['[tooShort]user.name'] }],
    [{ user: { name: 'abcdef' } }, { 'user.name': ['[tooLong]user.name'] }],
    [{ user: { name: 'abc', list: [{ b: 'b' }, {}] } }, { 'user.list[1].b': ['[blank]user.list[1].b'] }],
    [{ user: { name: 'abc', q: 1, inner: { a: 'x' } } }, { 'user.inner.a': ['[invalid]user.inner.a'] }],
    [[], { '': ['[invalid]'] }],
    [null, { '': ['[blank]'] }],
  ])('complains of %j', (given, complaints) => expect(codes(given)).toEqual(complaints));

  it('names no field where the whole is at fault', () => {
    const errors = { generalErrors: [{ code: '[invalid]', message: expect.any(String) }] };
    expect(() => validate(schema, [])).toThrow(expect.objectContaining({ status: 400, errors }));
  });

  it('gives what fits the schema, or a ServiceError 400, for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (given) => {
        const wrapped = { user: given };
        try {
          expect(schema.safeParse(validate(schema, wrapped)).success).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ status: 400 });
        }
      }),
    );
  });

  it('names a field __proto__ without taking it for a prototype', () => {
    const given = JSON.parse('{"user":{"name":"abc","__proto__":{"inner":{"a":1}}}}');
    expect(validate(schema, given).user.inner).toBeUndefined();
  });
});

describe('mergePatch()', () => {
  /** RFC 7396, appendix A. */
  it.each<[unknown, unknown, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('lays over %j the patch %j', (present, patch, merged) =>
    expect(mergePatch(present, patch)).toEqual(merged),
  );

  it('sets no prototype', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}'));
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect((merged as Record<string, unknown>)['x']).toBeUndefined();
  });
});
