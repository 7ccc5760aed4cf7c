import { describe, expect, it } from 'vitest';
import {
  API_BODY_MAX_BYTES,
  FORM_TYPE,
  JSON_TYPE,
  readBody,
  requireBounded,
} from '../../../../src/http/api/body.ts';
import type { IncomingRequest } from '../../../../src/http/http1/incoming-request.ts';
import { RequestBody } from '../../../../src/http/http1/request-body.ts';
import { heapBytes } from '../../../support/heap.ts';

const OPTIONS = { toleratesUndefined: false, acceptsForm: false };

function requestWith(body: RequestBody, type = JSON_TYPE): IncomingRequest {
  return {
    id: 'r1',
    method: 'POST',
    target: '/',
    headers: ['Content-Type', type],
    httpVersion: '1.1',
    peer: { address: '127.0.0.1', isTls: false },
    body,
    expectsContinue: false,
    isDrainable: true,
    refusal: null,
  };
}

const bodyOf = () => new RequestBody(() => {});
const read = (body: RequestBody) => readBody(requestWith(body), OPTIONS);

describe('readBody()', () => {
  it('reads JSON, however it is cut', async () => {
    const body = bodyOf();
    const value = read(body);
    for (const byte of '{"of":"several hundred bytes, each of which comes alone, and more than are held apart"}')
      body.receive(Buffer.from(byte));
    body.finish();
    expect(await value).toEqual({
      of: 'several hundred bytes, each of which comes alone, and more than are held apart',
    });
  });

  it.each([JSON_TYPE, FORM_TYPE])('refuses bytes that are no UTF-8, of type %s', async (type) => {
    const body = bodyOf();
    const value = readBody(requestWith(body, type), { ...OPTIONS, acceptsForm: true });
    body.receive(Buffer.from('"a=\xff"', 'latin1'));
    body.finish();
    const errors = { generalErrors: [{ code: '[invalid]body' }] };
    await expect(value).rejects.toMatchObject({ status: 400, errors });
  });

  it('takes a form only where the operation does', async () => {
    const given = async (acceptsForm: boolean) => {
      const body = bodyOf();
      const value = readBody(requestWith(body, FORM_TYPE), { ...OPTIONS, acceptsForm });
      body.receive(Buffer.from('a=b'));
      body.finish();
      return await value;
    };
    expect(await given(true)).toEqual({ a: 'b' });
    await expect(given(false)).rejects.toMatchObject({ status: 400 });
  });

  it('refuses a body whose client has left before it is read (S07)', async () => {
    const body = bodyOf();
    body.destroy(new Error('the client has gone'));
    await new Promise((resolve) => body.once('close', resolve));
    await expect(read(body)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('refuses a body whose client leaves while it is read (S07)', async () => {
    const body = bodyOf();
    const value = read(body);
    body.receive(Buffer.from('{'));
    body.destroy(new Error('the client has gone'));
    await expect(value).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('refuses a body beyond its bound before it is whole (D03)', async () => {
    const body = bodyOf();
    const value = read(body);
    body.receive(Buffer.alloc(API_BODY_MAX_BYTES + 1));
    await expect(value).rejects.toMatchObject({ code: 'body_too_large' });
  });

  it('keeps little memory though each piece is a byte (D03)', async () => {
    const body = bodyOf();
    const value = read(body);
    await new Promise((resolve) => setImmediate(resolve)); // it flows
    const before = heapBytes();
    body.receive(Buffer.from('"'));
    for (let sent = 2; sent < API_BODY_MAX_BYTES; sent += 1) body.receive(Buffer.alloc(1, 'x'));
    expect(heapBytes() - before).toBeLessThan(API_BODY_MAX_BYTES * 16);
    body.receive(Buffer.from('"'));
    body.finish();
    expect(await value).toHaveLength(API_BODY_MAX_BYTES - 2);
  });
});

describe('requireBounded()', () => {
  it('refuses a length beyond the bound, before the body is asked for (D03)', () => {
    const lengthOf = (bytes: number) => ['Content-Length', String(bytes)];
    expect(() => requireBounded(lengthOf(API_BODY_MAX_BYTES + 1))).toThrow('larger');
    expect(() => requireBounded(lengthOf(API_BODY_MAX_BYTES))).not.toThrow();
    expect(() => requireBounded([])).not.toThrow();
  });
});
