import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReference, substitute } from '../../../src/config/substitute.ts';

const ENVIRONMENT = { NAME: 'value', EMPTY: '', NESTED: '${NAME}' };
const text = (template: string) => substitute(template, ENVIRONMENT).text;

describe('substitute()', () => {
  it.each([
    ['plain', 'plain'],
    ['${NAME}', 'value'],
    ['a-${NAME}-b-${NAME}', 'a-value-b-value'],
    ['${MISSING:-fallback}', 'fallback'],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${EMPTY}', ''],
    ['${NAME:-fallback}', 'value'],
    ['${MISSING:-}', ''],
    ['${MISSING:-http://127.0.0.1:9000}', 'http://127.0.0.1:9000'],
    ['$$', '$'],
    ['$${NAME}', '${NAME}'],
    ['$5', '$5'],
    ['a$', 'a$'],
  ])('reads %j as %j', (template, expected) => {
    expect(substitute(template, ENVIRONMENT)).toEqual({ text: expected, problems: [] });
  });

  it('replaces once: a value is never read as a template', () => {
    expect(text('${NESTED}')).toBe('${NAME}');
  });

  it('names a missing variable and never a value', () => {
    expect(substitute('${MISSING}${NAME}', ENVIRONMENT).problems).toEqual([
      'the environment variable MISSING is not set',
    ]);
  });

  it.each(['${', '${}', '${1X}', '${A B}', '${NAME:=x}', '${NAME'])('refuses the form %j', (template) => {
    expect(substitute(template, ENVIRONMENT).problems).toHaveLength(1);
  });

  it('does not find what every object lends', () => {
    expect(substitute('${constructor}${__proto__}', ENVIRONMENT).problems).toHaveLength(2);
  });

  it('keeps any text whose dollars are doubled', () => {
    fc.assert(
      fc.property(fc.string(), (original) => {
        expect(substitute(original.replaceAll('$', '$$$$'), {})).toEqual({ text: original, problems: [] });
      }),
    );
  });
});

describe('isReference()', () => {
  it.each([
    ['${NAME}', true],
    ['${NAME:-secret}', false],
    ['x${NAME}', false],
    ['secret', false],
  ])('%j: %s', (template, expected) => {
    expect(isReference(template)).toBe(expected);
  });
});
