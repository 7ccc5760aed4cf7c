/** Messages of HTTP/1.1 with a few bytes broken, the same for the same seed. */
import type { Random } from './random.ts';

/** What parsers trip over: line ends, white space, separators, digits, quotes, bytes beyond ASCII; and framing. */
const INSERTS = [
  ...'\r\n\0 \t:;,01aF\x7f\x80\xff"=-+\x0b\\',
  '\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: keep-alive\r\n',
  'chunked',
  '0\r\n\r\n',
];

/** One to three small changes of one of the bases. `inserts`: what is put in beside what is put in anywhere. */
export function mutantOf(bases: readonly string[], random: Random, inserts: readonly string[] = []): string {
  const all = [...INSERTS, ...inserts];
  let text = random.pick(bases);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(text.length + 1);
    const cut = random.below(3) === 0 ? 1 + random.below(3) : 0;
    const inserted = random.below(4) === 0 ? '' : random.pick(all);
    text = text.slice(0, at) + inserted + text.slice(at + cut);
  }
  return text;
}
