/** A connection in each phase of its life, so that every test of endings goes through all of them. */
import type { AnswerWriter } from '../../src/http/http1/answer-writer.ts';
import type { IncomingRequest } from '../../src/http/http1/incoming-request.ts';
import { openClient, type WireClient } from '../wire/support/client.ts';
import { echo, requestOf } from './listener.ts';

export interface Phase {
  readonly name: string;
  /** What the client has sent, in writes that wait for each other. */
  readonly sends: readonly string[];
  /** Final answers that are whole by then. */
  readonly answers: number;
  /** Requests whose handler waits by then, or has begun its answer and waits. */
  readonly waiting: number;
  /** What is missing for the next answer; null: nothing the client could send. */
  readonly rest: string | null;
}

const POST_HELLO = (target: string) => requestOf(target, 'Content-Length: 5\r\n', '', 'POST');
const POST_CHUNKS = (target: string) => requestOf(target, 'Transfer-Encoding: chunked\r\n', '', 'POST');

export const PHASES: readonly Phase[] = [
  { name: 'before its first byte', sends: [], answers: 0, waiting: 0, rest: requestOf('/1') },
  { name: 'behind an empty line', sends: ['\r\n'], answers: 0, waiting: 0, rest: requestOf('/1') },
  {
    name: 'in a first line',
    sends: ['GET /1 HT'],
    answers: 0,
    waiting: 0,
    rest: 'TP/1.1\r\nHost: test\r\n\r\n',
  },
  { name: 'in a head', sends: ['GET /1 HTTP/1.1\r\nHo'], answers: 0, waiting: 0, rest: 'st: test\r\n\r\n' },
  { name: 'in a body', sends: [`${POST_HELLO('/1')}he`], answers: 0, waiting: 1, rest: 'llo' },
  {
    name: 'in a chunk',
    sends: [`${POST_CHUNKS('/1')}5\r\nhe`],
    answers: 0,
    waiting: 1,
    rest: 'llo\r\n0\r\n\r\n',
  },
  { name: 'before an answer', sends: [requestOf('/held')], answers: 0, waiting: 1, rest: null },
  { name: 'in an answer', sends: [requestOf('/begun')], answers: 0, waiting: 1, rest: null },
  {
    name: 'in an answer, with a request behind it',
    sends: [requestOf('/begun') + requestOf('/2')],
    answers: 0,
    waiting: 1,
    rest: null,
  },
  {
    name: 'in a body behind its answer',
    sends: [`${POST_HELLO('/early')}he`],
    answers: 1,
    waiting: 0,
    rest: `llo${requestOf('/2')}`,
  },
  { name: 'between two requests', sends: [requestOf('/1')], answers: 1, waiting: 0, rest: requestOf('/2') },
  {
    name: 'between two requests, behind an empty line',
    sends: [requestOf('/1'), '\r\n'],
    answers: 1,
    waiting: 0,
    rest: requestOf('/2'),
  },
  {
    name: 'in the head of a second request',
    sends: [requestOf('/1'), 'GET /2 HTTP/1.1\r\n'],
    answers: 1,
    waiting: 0,
    rest: 'Host: test\r\n\r\n',
  },
  {
    name: 'in the body of a second request',
    sends: [requestOf('/1'), `${POST_HELLO('/2')}he`],
    answers: 1,
    waiting: 1,
    rest: 'llo',
  },
];

/** A handler that stops in each phase. */
export class PhaseHandler {
  /** Handlers that have begun and not ended. */
  underWay = 0;
  #release: (() => void)[] = [];

  readonly handle = async (request: IncomingRequest, answer: AnswerWriter): Promise<void> => {
    this.underWay += 1;
    try {
      await this.#answer(request, answer);
    } finally {
      this.underWay -= 1;
    }
  };

  /** Lets the handlers that wait go on. */
  release(): void {
    for (const go of this.#release.splice(0)) go();
  }

  async #answer(request: IncomingRequest, answer: AnswerWriter): Promise<void> {
    if (request.target === '/early') {
      answer.send(200, [], 'early');
      return;
    }
    if (request.target === '/begun') answer.begin(200, []);
    if (request.target === '/begun') answer.write(Buffer.from('begun'));
    if (request.target === '/begun' || request.target === '/held') await this.#released(answer);
    if (answer.isClosed) return;
    if (answer.isBegun) answer.end();
    else await echo(request, answer).catch(() => {});
  }

  #released(answer: AnswerWriter): Promise<void> {
    return new Promise((resolve) => {
      this.#release.push(resolve);
      answer.onClose(resolve);
    });
  }
}

/** A client in the phase. */
export async function clientIn(phase: Phase, port: number, handler: PhaseHandler): Promise<WireClient> {
  const client = await openClient(port);
  const before = handler.underWay;
  let answers = 0;
  for (const bytes of phase.sends) {
    client.send(bytes);
    answers = Math.min(answers + 1, phase.answers);
    await client.answered(answers);
  }
  while (handler.underWay < before + phase.waiting) await new Promise((resolve) => setImmediate(resolve));
  if (phase.sends.some((bytes) => bytes.includes('/begun'))) await client.saw('begun');
  return client;
}
