/** A listener over real sockets whose handlers the test writes: HTTP/1.1 of ours with nothing behind it. */
import { randomUUID } from 'node:crypto';
import { afterEach } from 'vitest';
import type { CountersignError } from '../../src/core/errors.ts';
import type { ListenerLimits } from '../../src/core/limits.ts';
import type { AnswerWriter } from '../../src/http/http1/answer-writer.ts';
import type { IncomingRequest } from '../../src/http/http1/incoming-request.ts';
import { createListener, type Listener, type ListenerOptions } from '../../src/http/server.ts';
import { LIMITS } from './edge.ts';

export type Handler = (request: IncomingRequest, answer: AnswerWriter) => Promise<void> | void;

export interface TestListenerOptions extends Partial<Omit<ListenerOptions, 'limits'>> {
  readonly limits?: Partial<ListenerLimits>;
}

export interface TestListener {
  readonly port: number;
  readonly listener: Listener;
  /** What was answered without a handler. */
  readonly unreadable: readonly CountersignError[];
  /** Lines of the log, as `level message cause`. */
  readonly log: readonly string[];
}

export async function startListener(
  handler: Handler,
  options: TestListenerOptions = {},
): Promise<TestListener> {
  const unreadable: CountersignError[] = [];
  const log: string[] = [];
  const note = (level: string) => (message: string, fields?: object) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const listener = createListener({
    bind: { host: '127.0.0.1', port: 0 },
    randomId: randomUUID,
    clock: Date.now,
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    handlers: {
      request: async (request, answer) => await handler(request, answer),
      onUnreadable: (error) => void unreadable.push(error),
    },
    ...options,
    limits: { ...LIMITS, ...options.limits },
  });
  const { port } = await listener.start();
  return { port, listener, unreadable, log };
}

/** Call once a file: listeners that are started with it are closed after each test, at once. */
export function listenerPerTest(): typeof startListener {
  const started: TestListener[] = [];
  afterEach(async () => {
    for (const { listener } of started.splice(0)) await listener.close(0);
  });
  return async (handler, options) => {
    const one = await startListener(handler, options);
    started.push(one);
    return one;
  };
}

/** Answers 200 with the method, the target and the length of the body, when all of the body has come. */
export async function echo(request: IncomingRequest, answer: AnswerWriter): Promise<void> {
  let bytes = 0;
  if (request.expectsContinue) answer.writeContinue();
  for await (const piece of request.body ?? []) bytes += (piece as Buffer).length;
  answer.send(200, [], `${request.method} ${request.target} ${bytes}`);
}

/** The bytes of a request to the listener: `lines` with their line ends. */
export function requestOf(target: string, lines = '', body = '', method = 'GET'): string {
  return `${method} ${target} HTTP/1.1\r\nHost: test\r\n${lines}\r\n${body}`;
}
