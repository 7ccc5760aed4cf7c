import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestBody } from '../../../../src/http/http1/request-body.ts';
import { heapBytes } from '../../../support/heap.ts';

const BUFFER_BYTES = 64 * 1024;

describe('RequestBody', () => {
  it('gives what its connection received, and ends with it', async () => {
    const body = new RequestBody(() => {});
    for (const piece of ['ab', 'cd', 'e']) body.receive(Buffer.from(piece));
    body.finish();
    expect(String(Buffer.concat(await body.toArray()))).toBe('abcde');
  });

  it('asks for more when it is read, not before', async () => {
    let asked = 0;
    const body = new RequestBody(() => {
      asked += 1;
    });
    expect(asked).toBe(0);
    body.resume();
    await expect.poll(() => asked).toBeGreaterThan(0);
    body.destroy();
  });

  it('has its connection wait where 64 KiB are unread', () => {
    const body = new RequestBody(() => {});
    expect(body.receive(Buffer.alloc(BUFFER_BYTES - 1))).toBe(true);
    expect(body.receive(Buffer.alloc(1))).toBe(false);
  });

  it('keeps little memory though nobody reads and each piece is a byte (D03)', () => {
    const body = new RequestBody(() => {});
    const before = heapBytes();
    let taken = 1;
    while (body.receive(Buffer.alloc(1))) taken += 1;
    expect(heapBytes() - before).toBeLessThan(BUFFER_BYTES * 16);
    expect([taken, body.readableLength]).toEqual([BUFFER_BYTES, BUFFER_BYTES]);
  });

  it('gives each piece at once to a reader who waits for it', async () => {
    const body = new RequestBody(() => {});
    const got: string[] = [];
    body.on('data', (piece: Buffer) => got.push(String(piece)));
    await new Promise((resolve) => setImmediate(resolve));
    for (const piece of ['a', 'b']) {
      body.receive(Buffer.from(piece));
      expect(got.at(-1)).toBe(piece);
    }
  });

  it('keeps back nothing from who reads on, nor loses or reorders it, in whatever pieces it came', () => {
    const step = fc.oneof(
      fc.nat(20),
      fc.nat(3000),
      fc.constant('read' as const),
      fc.constant('peek' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const body = new RequestBody(() => {});
        let sent = '';
        let got = '';
        const readAll = () => {
          for (let piece = body.read(); piece !== null; piece = body.read()) got += String(piece);
          expect(got).toBe(sent);
        };
        for (const one of steps) {
          if (one === 'read') readAll();
          else if (one === 'peek') body.read(0);
          else {
            const piece = String.fromCharCode(97 + (sent.length % 26)).repeat(one);
            sent += piece;
            body.receive(Buffer.from(piece));
          }
        }
        body.finish();
        readAll();
      }),
    );
  });

  it('asks for more when a reader has taken the small pieces for which its connection waits', async () => {
    let asked = 0;
    const body = new RequestBody(() => {
      asked += 1;
    });
    body.receive(Buffer.alloc(BUFFER_BYTES - 10));
    await new Promise((resolve) => setImmediate(resolve));
    let room = true;
    while (room) room = body.receive(Buffer.alloc(1));
    const before = asked;
    body.resume();
    await expect.poll(() => asked).toBeGreaterThan(before);
    body.destroy();
  });

  it('tells its reader why it breaks off (S07)', async () => {
    const body = new RequestBody(() => {});
    const read = body.toArray();
    body.destroy(new Error('the reason'));
    await expect(read).rejects.toThrow('the reason');
  });

  it('takes a client that leaves when nobody reads: the process lives on', async () => {
    const body = new RequestBody(() => {});
    body.destroy(new Error('the client has gone'));
    await new Promise((resolve) => body.once('close', resolve));
    expect(body.destroyed).toBe(true);
  });
});
