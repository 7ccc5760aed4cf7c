/** The Date of answers (RFC 9110 §6.6.1), written once a second. */

import type { Clock } from '../../core/time.ts';
import { SECOND_MS } from '../../core/time.ts';

/** With its line end. */
export function createDateLine(clock: Clock): () => string {
  let second = Number.NaN;
  let line = '';
  return () => {
    const now = Math.floor(clock() / SECOND_MS);
    if (now !== second) {
      second = now;
      line = `Date: ${new Date(now * SECOND_MS).toUTCString()}\r\n`;
    }
    return line;
  };
}
