/** A client of raw bytes whose answers are read strictly. */
import { connect, type Socket } from 'node:net';
import { readResponse, secondWord, type WireMessage } from './http-message.ts';

export interface Answers {
  /** Whole responses in order, informational ones included. */
  readonly responses: readonly WireMessage[];
  /** What follows them: the beginning of an answer that was cut, or nothing. */
  readonly rest: string;
  /** Why a strict client would not go on reading; null: it would. */
  readonly violation: string | null;
}

export interface WireClient {
  readonly socket: Socket;
  readonly isClosed: boolean;
  send(bytes: string | Buffer): void;
  /** No more is sent; answers are still read. */
  finish(): void;
  received(): string;
  /** `methods` of the requests in the order in which they were sent; GET where there are fewer. */
  answers(methods?: readonly string[]): Answers;
  /** Resolves when this many final responses are whole, or the gateway has closed. */
  answered(count: number, methods?: readonly string[]): Promise<Answers>;
  /** Resolves when the gateway has closed. */
  closed(methods?: readonly string[]): Promise<Answers>;
  /** Resolves when the gateway's bytes so far hold the text, or it has closed. */
  saw(text: string): Promise<void>;
  /** Cuts the connection: a reset where `isReset`, a close otherwise. */
  cut(isReset?: boolean): void;
}

/** Strings are sent as latin-1. */
export async function openClient(port: number): Promise<WireClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const pieces: Buffer[] = [];
  let isClosed = false;
  const received = () => Buffer.concat(pieces).toString('latin1');
  const answers = (methods: readonly string[] = []) => readAnswers(received(), methods, isClosed);
  const until = <T>(read: () => T, isReached: (read: T) => boolean): Promise<T> =>
    new Promise((resolve) => {
      const check = () => {
        const found = read();
        if (!isClosed && !isReached(found)) return;
        socket.off('data', check).off('close', check);
        resolve(found);
      };
      socket.on('data', check).on('close', check);
      check();
    });
  socket.on('error', () => {});
  socket.on('data', (piece) => pieces.push(piece));
  socket.on('close', () => {
    isClosed = true;
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    get isClosed() {
      return isClosed;
    },
    received,
    answers,
    send: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    finish: () => void socket.end(),
    answered: (count, methods) =>
      until(
        () => answers(methods),
        ({ responses }) => responses.filter(isFinal).length >= count,
      ),
    closed: (methods) =>
      until(
        () => answers(methods),
        () => false,
      ),
    saw: async (text) => {
      await until(received, (bytes) => bytes.includes(text));
    },
    cut: (isReset = false) => {
      if (isReset) socket.resetAndDestroy();
      else socket.destroy();
    },
  };
}

export function statusOf(response: WireMessage | undefined): number {
  return response === undefined ? 0 : Number(secondWord(response));
}

/** True for what ends an exchange (RFC 9110 §15.2). */
export function isFinal(response: WireMessage): boolean {
  const status = statusOf(response);
  return status >= 200 || status === 101;
}

export function readAnswers(text: string, methods: readonly string[], isClosed: boolean): Answers {
  const responses: WireMessage[] = [];
  let rest = text;
  let exchanges = 0;
  while (rest !== '') {
    const reading = readResponse(rest, methods[exchanges] ?? 'GET', isClosed);
    if (reading.kind === 'invalid') return { responses, rest, violation: reading.why };
    if (reading.kind === 'partial') break;
    responses.push(reading.message);
    rest = reading.rest;
    if (isFinal(reading.message)) exchanges += 1;
    if (statusOf(reading.message) === 101) break;
  }
  return { responses, rest, violation: null };
}

/** Sends the bytes and waits until the gateway closes. The last request should ask for that. */
export async function converse(
  port: number,
  bytes: string | Buffer,
  methods: readonly string[] = [],
): Promise<Answers> {
  const client = await openClient(port);
  client.send(bytes);
  return await client.closed(methods);
}
