import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { drain, isDrainable, RequestBody } from '../../../src/http/request-body.ts';

function message(...rawHeaders: string[]): IncomingMessage {
  const made = new IncomingMessage(new Socket());
  made.rawHeaders = rawHeaders;
  for (let index = 0; index < rawHeaders.length; index += 2)
    made.headers[rawHeaders[index]?.toLowerCase() ?? ''] = rawHeaders[index + 1];
  return made;
}

describe('RequestBody', () => {
  it('ends where the request is complete', async () => {
    const request = message('Content-Length', '4');
    const body = new RequestBody(request);
    request.push('ab');
    request.push('cd');
    request.complete = true;
    request.push(null);
    expect(Buffer.concat(await body.toArray()).toString()).toBe('abcd');
  });

  it('fails where the client goes before its end (S07)', async () => {
    const request = message('Transfer-Encoding', 'chunked');
    const body = new RequestBody(request);
    request.push('ab');
    setImmediate(() => request.destroy());
    await expect(body.toArray()).rejects.toThrow('incomplete');
  });

  it('takes a client that leaves when nobody reads any more: the process lives on', () => {
    const body = new RequestBody(message('Content-Length', '4'));
    expect(() => body.emit('error', new Error('the client has gone'))).not.toThrow();
  });

  it('leaves the connection of the client open when it is destroyed', async () => {
    const request = message('Content-Length', '4');
    const body = new RequestBody(request);
    body.on('error', () => {});
    body.destroy(new Error('upstream gone'));
    await new Promise((resolve) => body.once('close', resolve));
    expect(request.socket.destroyed).toBe(false);
    expect(request.destroyed).toBe(false);
  });

  it('holds the client back while nobody reads', async () => {
    const request = message('Transfer-Encoding', 'chunked');
    const body = new RequestBody(request);
    body.once('readable', () => {});
    await new Promise((resolve) => setImmediate(resolve));
    request.push(Buffer.alloc(1024 * 1024));
    await expect.poll(() => request.isPaused()).toBe(true);
    body.destroy();
  });
});

describe('drain', () => {
  it('calls back once the rest was read', async () => {
    const request = message('Content-Length', '2');
    const isDone = new Promise<void>((resolve) => drain(request, resolve));
    request.push('hi');
    request.complete = true;
    request.push(null);
    await isDone;
    expect(request.socket.destroyed).toBe(false);
  });

  it('closes the connection beyond 64 KiB (D03)', async () => {
    const request = message('Transfer-Encoding', 'chunked');
    const isDone = new Promise<void>((resolve) => drain(request, resolve));
    for (let piece = 0; piece < 5; piece += 1) request.push(Buffer.alloc(16 * 1024));
    await isDone;
    await expect.poll(() => request.socket.destroyed).toBe(true);
  });
});

describe('isDrainable()', () => {
  it.each([
    [['Content-Length', '65536'], true],
    [['Content-Length', '65537'], false],
    [['Transfer-Encoding', 'chunked'], false],
    [['Content-Length', '5', 'Expect', '100-continue'], false],
    [[], true],
  ])('of %j is %s', (headers, expected) => {
    expect(isDrainable(message(...headers))).toBe(expected);
  });
});
