import { describe, expect, it } from 'vitest';
import { MessageError, SectionTooLargeError } from '../../../src/http1/errors.ts';
import { FieldSection, type SectionRules } from '../../../src/http1/field-section.ts';

const HEAD: SectionRules = { hasStartLine: true, emptyLinesMax: 1, bytesMax: 64, linesMax: 3 };
const TRAILERS: SectionRules = { hasStartLine: false, emptyLinesMax: 0, bytesMax: 64, linesMax: 3 };

function read(rules: SectionRules, ...pieces: string[]): { section: FieldSection; used: number[] } {
  const section = new FieldSection(rules);
  return { section, used: pieces.map((piece) => (section.isComplete ? 0 : section.read(piece))) };
}

describe('FieldSection', () => {
  it('reads a first line and fields, and says where it ends', () => {
    const text = 'first line\r\nA: 1\r\nb:2\r\n\r\n';
    const { section, used } = read(HEAD, `${text}behind`);
    expect([section.startLine, section.fields, used]).toEqual([
      'first line',
      ['A', '1', 'b', '2'],
      [text.length],
    ]);
  });

  it('reads trailers, which have no first line', () => {
    const { section, used } = read(TRAILERS, 'A: 1\r\n\r\nbehind');
    expect([section.startLine, section.fields, used]).toEqual([null, ['A', '1'], [8]]);
  });

  it('is complete with an empty line alone, where there is no first line', () => {
    expect(read(TRAILERS, '\r\n').section.isComplete).toBe(true);
  });

  it('reads the same, wherever it is cut', () => {
    const text = '\r\nfirst\r\nA: 1\r\nB: \t2 \r\n\r\n';
    for (let at = 0; at <= text.length; at += 1) {
      const { section, used } = read(HEAD, text.slice(0, at), text.slice(at));
      expect([section.isComplete, section.startLine, section.fields]).toEqual([
        true,
        'first',
        ['A', '1', 'B', '2'],
      ]);
      expect(used[0]).toBe(at);
    }
  });

  it('passes over as many empty lines as it may, and takes the next for its first line', () => {
    expect(read(HEAD, '\r\n').section.startLine).toBeNull();
    expect(read(HEAD, '\r\n\r\n').section.startLine).toBe('');
    expect(read({ ...HEAD, emptyLinesMax: 0 }, '\r\n').section.startLine).toBe('');
  });

  it('shows its first line while that comes, and no longer', () => {
    const section = new FieldSection(HEAD);
    const shown = ['', 'fi', 'rst', '\r', '\n', 'A'].map((piece) => {
      section.read(piece);
      return section.begunStartLine;
    });
    expect(shown).toEqual(['', 'fi', 'first', 'first\r', null, null]);
  });

  it('takes spaces and tabs off values, and nothing else', () => {
    expect(read(HEAD, 'x\r\nA: \t\xa0 b\xa0\t \r\n\r\n').section.fields).toEqual(['A', '\xa0 b\xa0']);
  });

  it.each([
    ['without a colon', 'A'],
    ['without a name', ':b'],
    ['with a space before the colon', 'A :b'],
    ['that continues another', ' b'],
    ['with a control character', 'A: \x01'],
    ['that ends in a line feed alone', 'A: b\nB: c'],
  ])('refuses a field %s', (_what, line) => {
    expect(() => read(HEAD, `x\r\n${line}\r\n\r\n`)).toThrow(MessageError);
  });

  it('is no longer than it may be, wherever it is cut', () => {
    const fits = `x\r\nA: ${'b'.repeat(54)}\r\n\r\n`;
    expect(fits).toHaveLength(64);
    expect(read(HEAD, `${fits}behind`).section.isComplete).toBe(true);
    expect(read(HEAD, ...fits).section.isComplete).toBe(true);
    expect(() => read(HEAD, fits.replace('b', 'bb'))).toThrow(SectionTooLargeError);
    expect(() => read(HEAD, ...fits.replace('b', 'bb'))).toThrow(SectionTooLargeError);
  });

  it('has no more lines than it may have', () => {
    expect(read(HEAD, `x\r\n${'A: b\r\n'.repeat(3)}\r\n`).section.isComplete).toBe(true);
    expect(() => read(HEAD, `x\r\n${'A: b\r\n'.repeat(4)}`)).toThrow(SectionTooLargeError);
  });
});
