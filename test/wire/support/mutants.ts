/** Good requests with a few bytes changed at random: what parsers disagree on is near what they agree on. */
import type { Random } from '../../support/random.ts';
import { request, type WireRig } from './rig.ts';

/** Without a body, with one of a length, with one in chunks; their tags are `first`. */
export function mutantSeeds(rig: Pick<WireRig, 'token'>): readonly string[] {
  return [
    request(rig, { tag: 'first' }),
    request(rig, { method: 'POST', tag: 'first', lines: 'Content-Length: 5\r\n', body: 'hello' }),
    request(rig, {
      method: 'POST',
      tag: 'first',
      lines: 'Transfer-Encoding: chunked\r\n',
      body: '5\r\nhello\r\n0\r\n\r\n',
    }),
  ];
}

const SPECIAL = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '\x80',
  '\xff',
  'chunked',
  '0',
  '5',
  'HTTP/1.1',
];

/** One to three changes: bytes taken out, or replaced by what means something to a parser. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutant = bytes;
  for (let changes = 0; changes <= random.below(3); changes += 1) {
    const at = random.below(mutant.length);
    const piece = Buffer.from(random.pick(SPECIAL), 'latin1');
    const removed = random.below(3);
    mutant = Buffer.concat([
      mutant.subarray(0, at),
      random.below(4) === 0 ? Buffer.alloc(0) : piece,
      mutant.subarray(at + removed),
    ]);
  }
  return mutant;
}
