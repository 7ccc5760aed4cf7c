import { describe, expect, it } from 'vitest';
import { createDateLine } from '../../../../src/http/http1/date-line.ts';
import { fakeClock } from '../../../support/clock.ts';

describe('createDateLine()', () => {
  it('writes an IMF-fixdate with its line end (RFC 9110 §5.6.7)', () => {
    const dateLine = createDateLine(fakeClock(Date.UTC(1994, 10, 6, 8, 49, 37, 999)));
    expect(dateLine()).toBe('Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
  });

  it('follows the clock from second to second, also backwards', () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1));
    const dateLine = createDateLine(clock);
    const secondAt = () => dateLine().slice(-8, -2);
    expect(secondAt()).toBe('00 GMT');
    clock.advanceMs(999);
    expect(secondAt()).toBe('00 GMT');
    clock.advanceMs(1);
    expect(secondAt()).toBe('01 GMT');
    clock.setMs(Date.UTC(2026, 0, 1));
    expect(secondAt()).toBe('00 GMT');
  });
});
