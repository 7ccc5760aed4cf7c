/** Turns without sockets: what waits, what begins, what never does. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { Turns } from '../../../src/http/turns.ts';

function responseOn(socket: Socket): ServerResponse {
  return new ServerResponse(new IncomingMessage(socket));
}

function setUp(count: number) {
  const turns = new Turns();
  const socket = new Socket();
  const responses = Array.from({ length: count }, () => responseOn(socket));
  const begun: number[] = [];
  for (const [index, response] of responses.entries()) turns.take(response, () => begun.push(index));
  return { turns, socket, responses, begun };
}

describe('Turns', () => {
  it('begins the first request at once', () => {
    expect(setUp(1).begun).toEqual([0]);
  });

  it('begins each further one when the answer before it is over', () => {
    const { responses, begun } = setUp(3);
    expect(begun).toEqual([0]);
    responses[0]?.emit('close');
    expect(begun).toEqual([0, 1]);
    responses[1]?.emit('close');
    expect(begun).toEqual([0, 1, 2]);
  });

  it('begins none behind an answer that closed the connection, and tells each that it is over', () => {
    const { socket, responses, begun } = setUp(3);
    const closed = vi.fn();
    responses[2]?.once('close', closed);
    socket.destroy();
    responses[0]?.emit('close');
    expect(begun).toEqual([0]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('names the last request until its answer is over', () => {
    const { turns, socket, responses } = setUp(2);
    expect(turns.last(socket)).toMatchObject({ response: responses[1], hasBegun: false });
    responses[0]?.emit('close');
    expect(turns.last(socket)).toMatchObject({ response: responses[1], hasBegun: true });
    responses[1]?.emit('close');
    expect(turns.last(socket)).toBeUndefined();
  });

  it('does something else in the place of the last request, in its turn', () => {
    const { turns, socket, responses, begun } = setUp(2);
    turns.replaceLast(socket, () => begun.push(99));
    expect(begun).toEqual([0]);
    responses[0]?.emit('close');
    expect(begun).toEqual([0, 99]);
  });

  it('reads no further while many requests wait, and reads on when they are fewer', () => {
    const { socket, responses } = setUp(65);
    expect(socket.isPaused()).toBe(true);
    responses[0]?.emit('close');
    expect(socket.isPaused()).toBe(false);
  });
});
