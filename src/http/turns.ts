/**
 * Pipelined requests, one at a time: a request begins when the answer before it has been sent whole, and never where
 * that answer closed the connection (RFC 9112 §9.3.2, §9.6). What stands behind a refused request may be the rest of
 * it, read as a request by mistake (security rows S04 and S06).
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** One request of a connection, and its place in the row. */
export interface Turn {
  readonly response: ServerResponse;
  readonly hasBegun: boolean;
}

interface WaitingTurn extends Turn {
  hasBegun: boolean;
  begin: () => void;
}

/** Requests that wait on one connection before it is not read any further. Browsers send none, tools a few dozen. */
const WAITING_MAX = 64;

export class Turns {
  /** The last turn of each connection that has one. */
  readonly #last = new WeakMap<Duplex, WaitingTurn>();
  readonly #waiting = new WeakMap<Duplex, number>();

  /** Calls `begin` when it is the turn of this request: at once, later, or never. `close` is emitted in any case. */
  take(response: ServerResponse, begin: () => void): void {
    const { socket } = response.req;
    const before = this.#last.get(socket);
    const turn = { response, begin, hasBegun: false };
    this.#last.set(socket, turn);
    response.on('close', () => {
      if (this.#last.get(socket) === turn) this.#last.delete(socket);
    });
    if (before === undefined) this.#begin(turn);
    else this.#wait(turn, before);
  }

  /** The last request whose answer is not sent whole; undefined: there is none. */
  last(socket: Duplex): Turn | undefined {
    return this.#last.get(socket);
  }

  /** Does this in place of what was to be begun, where that has not begun. */
  replaceLast(socket: Duplex, begin: () => void): void {
    const turn = this.#last.get(socket);
    if (turn !== undefined) turn.begin = begin;
  }

  #wait(turn: WaitingTurn, before: Turn): void {
    const { socket } = turn.response.req;
    const count = (this.#waiting.get(socket) ?? 0) + 1;
    this.#waiting.set(socket, count);
    if (count >= WAITING_MAX) socket.pause();
    before.response.once('close', () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
      if (socket.isPaused()) socket.resume();
      this.#begin(turn);
    });
  }

  #begin(turn: WaitingTurn): void {
    turn.hasBegun = true;
    if (turn.response.req.socket.writable) turn.begin();
    else turn.response.emit('close'); // node:http tells a response that never had the connection nothing
  }
}
