import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../../src/core/errors.ts';
import type { RequestBody } from '../../../../src/http/http1/request-body.ts';
import { framingOf } from '../../../../src/http/http1/request-framing.ts';
import { DRAIN_BYTES_MAX, RequestIntake, unreadable } from '../../../../src/http/http1/request-intake.ts';
import { MessageError, SectionTooLargeError } from '../../../../src/http1/errors.ts';
import { LIMITS } from '../../../support/edge.ts';
import { heapBytes } from '../../../support/heap.ts';
import { requestOf } from '../../../support/listener.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');
const HELD_BYTES = 64 * 1024;

/** An intake with a socket that is connected to nothing, and what it told. */
function setUp() {
  const socket = new Socket();
  socket.resume();
  const bodies: RequestBody[] = [];
  const told: string[] = [];
  const events = {
    isReady: true,
    onHeadBegun: () => void told.push('begun'),
    onHead: (head: { target: string; headers: readonly string[] }, hasMore: boolean) => {
      told.push(`head ${head.target}${hasMore ? ' and more' : ''}`);
      events.isReady = false;
      const body = intake.beginBody(framingOf(head.headers, '1.1').body);
      if (body !== null) bodies.push(body);
    },
    onUnreadable: (error: CountersignError) => void told.push(error.code),
    onDrained: (isWhole: boolean) => {
      told.push(isWhole ? 'drained' : 'too long to drain');
      if (!isWhole) intake.stop(new Error('the connection closes'));
    },
  };
  const intake: RequestIntake = new RequestIntake(socket, LIMITS, events);
  const answered = () => {
    events.isReady = true;
    intake.goOn();
  };
  return {
    socket,
    intake,
    events,
    told,
    bodies,
    answered,
    receive: (text: string) => intake.receive(bytesOf(text)),
  };
}

const post = (target: string, body: string) =>
  requestOf(target, `Content-Length: ${body.length}\r\n`, body, 'POST');
const CHUNKED = requestOf('/', 'Transfer-Encoding: chunked\r\n', '', 'POST');

describe('RequestIntake', () => {
  it('tells that a head has begun, once', () => {
    const { receive, told } = setUp();
    for (const byte of requestOf('/')) receive(byte);
    expect(told).toEqual(['begun', 'head /']);
  });

  it('tells no beginning of a head by an empty line alone', () => {
    const { receive, told, intake } = setUp();
    receive('\r\n');
    expect([told, intake.hasBegunHead]).toEqual([[], false]);
    receive('G');
    expect([told, intake.hasBegunHead]).toEqual([['begun'], true]);
  });

  it('tells whether there are bytes behind the head', () => {
    const { receive, told } = setUp();
    receive(`${requestOf('/')}G`);
    expect(told).toEqual(['head / and more']);
  });

  it('reads a body to its last byte, and nothing behind it', async () => {
    const { receive, bodies, told, intake } = setUp();
    receive(post('/1', 'hello') + requestOf('/2'));
    expect(intake.isInBody).toBe(false);
    expect(String(Buffer.concat((await bodies[0]?.toArray()) ?? []))).toBe('hello');
    expect(told).toEqual(['head /1 and more']);
  });

  it('ends a body with the request that has it, however it was cut', async () => {
    const { receive, bodies } = setUp();
    for (const byte of `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`) receive(byte);
    expect(String(Buffer.concat((await bodies[0]?.toArray()) ?? []))).toBe('hello');
  });

  describe('holds what is pipelined', () => {
    it('until the answer before it was handed over, request for request', () => {
      const { receive, told, answered, intake } = setUp();
      receive(requestOf('/1') + requestOf('/2') + requestOf('/3'));
      expect(told).toEqual(['head /1 and more']);
      expect(intake.hasHeld).toBe(true);
      answered();
      answered();
      expect(told.slice(1)).toEqual(['head /2 and more', 'head /3']);
      expect(intake.hasHeld).toBe(false);
    });

    it('in the order in which it came, in however many pieces', () => {
      const { receive, told, answered } = setUp();
      const targets = Array.from({ length: 50 }, (_, index) => `/${index}`);
      for (const byte of targets.map((target) => requestOf(target)).join('')) receive(byte);
      for (const _ of targets) answered();
      expect(told.filter((one) => one !== 'begun').map((one) => one.split(' ')[1])).toEqual(targets);
    });

    it('unparsed: what is no request is told of in its turn', () => {
      const { receive, told, answered } = setUp();
      receive(requestOf('/1'));
      receive('\0');
      expect(told).toEqual(['head /1']);
      answered();
      expect(told).toEqual(['head /1', 'bad_request']);
    });

    it('and stops to read where there is more than 64 KiB, until its turn', () => {
      const { receive, socket, answered } = setUp();
      receive(requestOf('/1'));
      receive('G'.repeat(HELD_BYTES - 1));
      expect(socket.isPaused()).toBe(false);
      receive('G');
      expect(socket.isPaused()).toBe(true);
      answered();
      expect(socket.isPaused()).toBe(false);
    });

    it('in little memory where it comes byte by byte', () => {
      const { receive, intake } = setUp();
      receive(requestOf('/1'));
      const before = heapBytes();
      for (let sent = 0; sent < HELD_BYTES - 1; sent += 1) intake.receive(Buffer.alloc(1, 'G'));
      expect(heapBytes() - before).toBeLessThan(HELD_BYTES * 16);
      expect(intake.hasHeld).toBe(true);
    });
  });

  describe('waits for who reads the body', () => {
    it('where 64 KiB are unread', () => {
      const { receive, socket } = setUp();
      receive(post('/', 'x'.repeat(HELD_BYTES)));
      expect(socket.isPaused()).toBe(true);
    });

    it('and keeps little memory meanwhile, though each chunk is a byte', () => {
      const { receive, intake, socket } = setUp();
      receive(CHUNKED);
      const before = heapBytes();
      const chunks = Buffer.from('1\r\nx\r\n'.repeat(10_000));
      while (!socket.isPaused()) intake.receive(chunks);
      expect(heapBytes() - before).toBeLessThan(HELD_BYTES * 16);
      expect(intake.isInBody).toBe(true);
    });

    it('and keeps little memory meanwhile, though each segment is a byte (D03)', () => {
      const { receive, intake, socket } = setUp();
      receive(requestOf('/', `Content-Length: ${2 * HELD_BYTES}\r\n`, '', 'POST'));
      const before = heapBytes();
      while (!socket.isPaused()) intake.receive(Buffer.alloc(1, 'x'));
      expect(heapBytes() - before).toBeLessThan(HELD_BYTES * 16);
      expect(intake.isInBody).toBe(true);
    });

    it('and goes on when it was read', async () => {
      const { receive, socket, bodies } = setUp();
      receive(requestOf('/', `Content-Length: ${HELD_BYTES + 1}\r\n`, '', 'POST'));
      receive('x'.repeat(HELD_BYTES));
      expect(socket.isPaused()).toBe(true);
      bodies[0]?.resume();
      await expect.poll(() => socket.isPaused()).toBe(false);
    });
  });

  describe('drains a body that nobody wants', () => {
    it('and reads the request behind it', () => {
      const { receive, intake, events, told } = setUp();
      receive(requestOf('/1', 'Content-Length: 5\r\n', 'he', 'POST'));
      events.isReady = true;
      intake.drain();
      receive(`llo${requestOf('/2')}`);
      expect(told).toEqual(['head /1 and more', 'drained', 'head /2']);
    });

    it('up to 64 KiB, counted from its answer on', () => {
      const { receive, intake, events, told } = setUp();
      receive(requestOf('/1', `Content-Length: ${DRAIN_BYTES_MAX + 2}\r\n`, 'x', 'POST'));
      events.isReady = true;
      intake.drain();
      receive('x'.repeat(DRAIN_BYTES_MAX));
      expect(told).toEqual(['head /1 and more']);
      receive('x');
      expect(told).toEqual(['head /1 and more', 'too long to drain']);
      expect(intake.isDeaf).toBe(true);
    });

    it('and tells once that it is too long, in however many chunks', () => {
      const { receive, intake, events, told } = setUp();
      receive(CHUNKED);
      events.isReady = true;
      intake.drain();
      receive('1\r\nx\r\n'.repeat(DRAIN_BYTES_MAX + 100));
      expect(told).toEqual(['head /', 'too long to drain']);
    });

    it('and keeps none of it', () => {
      const { receive, intake, bodies } = setUp();
      receive(requestOf('/1', 'Content-Length: 5\r\n', 'he', 'POST'));
      intake.drain();
      expect(bodies[0]?.destroyed).toBe(true);
      receive('llo');
    });

    it('reads on where it had stopped, for nobody reads the body', () => {
      const { receive, socket, intake } = setUp();
      receive(requestOf('/', `Content-Length: ${2 * HELD_BYTES}\r\n`, 'x'.repeat(HELD_BYTES), 'POST'));
      expect(socket.isPaused()).toBe(true);
      intake.drain();
      expect(socket.isPaused()).toBe(false);
    });
  });

  describe('once it was stopped', () => {
    it('parses nothing more, not even the rest of the piece', () => {
      const { receive, intake, events, told } = setUp();
      events.onHead = (head) => {
        told.push(`head ${head.target}`);
        intake.stop(new Error('closed'));
      };
      receive(requestOf('/1') + requestOf('/2'));
      receive(requestOf('/3'));
      intake.goOn();
      expect(told).toEqual(['head /1']);
    });

    it('tells who reads the body why there is no more of it', async () => {
      const { receive, intake, bodies } = setUp();
      receive(requestOf('/', 'Content-Length: 5\r\n', 'he', 'POST'));
      const read = bodies[0]?.toArray();
      intake.stop(new Error('the reason'));
      await expect(read).rejects.toThrow('the reason');
    });

    it('leaves a body alone that is whole', async () => {
      const { receive, intake, bodies } = setUp();
      receive(post('/', 'hello'));
      intake.stop(new Error('closed'));
      expect(String(Buffer.concat((await bodies[0]?.toArray()) ?? []))).toBe('hello');
    });

    it('forgets what it held', () => {
      const { receive, intake } = setUp();
      receive(requestOf('/1') + requestOf('/2'));
      intake.stop(new Error('closed'));
      expect(intake.hasHeld).toBe(false);
    });
  });

  it.each([
    ['bytes that are no head', '\0', 'bad_request'],
    ['an unknown method', 'BREW / HTTP/1.1\r\n\r\n', 'not_implemented'],
    ['a head without an end', `GET /${'a'.repeat(LIMITS.headerBytes)}`, 'headers_too_large'],
  ])('tells of %s', (_what, bytes, code) => {
    const { receive, told } = setUp();
    receive(bytes);
    expect(told).toEqual([code]);
  });

  it('tells of a body that breaks', () => {
    const { receive, told } = setUp();
    receive(`${CHUNKED}zz\r\n`);
    expect(told).toEqual(['head / and more', 'bad_request']);
  });
});

describe('unreadable()', () => {
  it.each([
    [new CountersignError('not_implemented', 'x'), 'not_implemented'],
    [new SectionTooLargeError('x'), 'headers_too_large'],
    [new MessageError('x'), 'bad_request'],
    [new TypeError('x'), 'internal_error'],
    ['x', 'internal_error'],
  ])('of %s is %s', (thrown, code) => {
    expect(unreadable(thrown).code).toBe(code);
  });
});
