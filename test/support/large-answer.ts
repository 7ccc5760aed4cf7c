/** An upstream that sends more than anybody will take at once, and counts what it was rid of. */
import { expect } from 'vitest';
import type { Script } from './upstream.ts';

const TOTAL_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

export interface LargeAnswer {
  readonly script: Script;
  /** Resolves when it was made to wait, long before its end. */
  expectHeldBack(): Promise<void>;
}

export function largeAnswer(): LargeAnswer {
  let written = 0;
  let before = -1;
  const hasStopped = () => {
    const isSame = before === written;
    before = written;
    return isSame;
  };
  return {
    script: (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL_BYTES}\r\n\r\n`);
      const piece = Buffer.alloc(PIECE_BYTES);
      const pump = () => {
        while (written < TOTAL_BYTES) {
          written += piece.length;
          if (!socket.write(piece)) return void socket.once('drain', pump);
        }
      };
      pump();
    },
    expectHeldBack: async () => {
      await expect.poll(() => written).toBeGreaterThan(0);
      await expect.poll(hasStopped, { interval: 200 }).toBe(true);
      expect(written).toBeLessThan(TOTAL_BYTES / 2);
    },
  };
}
