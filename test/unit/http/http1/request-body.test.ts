import { describe, expect, it } from 'vitest';
import { RequestBody } from '../../../../src/http/http1/request-body.ts';

describe('RequestBody', () => {
  it('gives what its connection pushes, and ends with it', async () => {
    const body = new RequestBody(() => {});
    for (const piece of ['ab', 'cd']) body.push(Buffer.from(piece));
    body.push(null);
    expect(String(Buffer.concat(await body.toArray()))).toBe('abcd');
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
    expect(body.push(Buffer.alloc(64 * 1024 - 1))).toBe(true);
    expect(body.push(Buffer.alloc(1))).toBe(false);
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
