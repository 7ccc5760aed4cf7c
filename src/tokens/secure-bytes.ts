/** Random bytes of the system's secure source, taken from it in blocks: a call for each value costs more than sealing it. */
import { randomFillSync } from 'node:crypto';

const BLOCK_BYTES = 4096;

const block = Buffer.alloc(BLOCK_BYTES);
/** How much of the block was given out. */
let used = BLOCK_BYTES;

/** `count`: at most 4096. No byte is given out twice, nor kept once it was. @throws RangeError */
export function secureBytes(count: number): Buffer {
  if (count > BLOCK_BYTES) throw new RangeError(`at most ${BLOCK_BYTES} bytes are given at a time`);
  if (used + count > BLOCK_BYTES) {
    randomFillSync(block);
    used = 0;
  }
  const taken = block.subarray(used, used + count);
  const bytes = Buffer.from(taken);
  taken.fill(0);
  used += count;
  return bytes;
}
