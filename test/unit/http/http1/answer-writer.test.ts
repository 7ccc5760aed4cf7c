import { describe, expect, it, vi } from 'vitest';
import {
  type AnswerCarrier,
  type AnsweredRequest,
  AnswerWriter,
} from '../../../../src/http/http1/answer-writer.ts';

const DATE = 'Date: now\r\n';
const KEPT = 'Connection: keep-alive\r\n';
const CLOSED = 'Connection: close\r\n';

/** A carrier that keeps what it is given: one string for each write. */
class FakeCarrier implements AnswerCarrier {
  isClosed = false;
  mayPersist = true;
  readonly keepAliveLines = KEPT;
  readonly writes: string[] = [];
  /** What each write says of the room that is left. */
  hasRoom = true;
  answered = 0;
  cuts: boolean[] = [];

  dateLine(): string {
    return DATE;
  }

  write(data: string | Buffer): boolean {
    this.writes.push(typeof data === 'string' ? data : data.toString('latin1'));
    return this.hasRoom;
  }

  writeAll(pieces: readonly (string | Buffer)[]): boolean {
    return this.write(
      pieces.map((piece) => (typeof piece === 'string' ? piece : piece.toString('latin1'))).join(''),
    );
  }

  onAnswered(): void {
    this.answered += 1;
  }

  cut(looksComplete: boolean): void {
    this.cuts.push(looksComplete);
    this.isClosed = true;
  }
}

function setUp(request: Partial<AnsweredRequest> = {}) {
  const carrier = new FakeCarrier();
  const answer = new AnswerWriter(carrier, {
    id: 'r1',
    method: 'GET',
    httpVersion: '1.1',
    expectsContinue: false,
    body: null,
    ...request,
  });
  const text = () => carrier.writes.join('');
  return { carrier, answer, text };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const hello = Buffer.from('hello');

describe('AnswerWriter frames', () => {
  it.each([
    ['a body whose length is given', '1.1', ['Content-Length', '5'], `${KEPT}\r\nhello`],
    ['a whole body by its length for HTTP/1.0', '1.0', [], `${KEPT}Content-Length: 5\r\n\r\nhello`],
    [
      'a whole body in one chunk for HTTP/1.1',
      '1.1',
      [],
      `${KEPT}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ],
  ] as const)('%s, in one write', (_what, httpVersion, headers, rest) => {
    const { carrier, answer } = setUp({ httpVersion });
    const lines = headers.length === 0 ? '' : `${headers[0]}: ${headers[1]}\r\n`;
    answer.send(200, headers, 'hello');
    expect(carrier.writes).toEqual([`HTTP/1.1 200 OK\r\n${lines}${DATE}${rest}`]);
    expect([answer.isDone, carrier.answered]).toEqual([true, 1]);
  });

  it.each(['1.0', '1.1'] as const)('an empty body by its length for HTTP/%s', (httpVersion) => {
    const { carrier, answer } = setUp({ httpVersion });
    answer.send(404, []);
    expect(carrier.writes).toEqual([`HTTP/1.1 404 Not Found\r\n${DATE}${KEPT}Content-Length: 0\r\n\r\n`]);
  });

  it('a body of unknown length in chunks for HTTP/1.1, each in one write', async () => {
    const { carrier, answer } = setUp();
    answer.begin(200, []);
    await settled();
    answer.write(hello);
    answer.write(Buffer.alloc(16, 'x'));
    answer.end();
    expect(carrier.writes).toEqual([
      `HTTP/1.1 200 OK\r\n${DATE}${KEPT}Transfer-Encoding: chunked\r\n\r\n`,
      '5\r\nhello\r\n',
      `10\r\n${'x'.repeat(16)}\r\n`,
      '0\r\n\r\n',
    ]);
  });

  it('a body of unknown length by the end of the connection for HTTP/1.0', async () => {
    const { answer, text } = setUp({ httpVersion: '1.0' });
    answer.begin(200, []);
    await settled();
    answer.write(hello);
    answer.end();
    expect(text()).toBe(`HTTP/1.1 200 OK\r\n${DATE}${CLOSED}\r\nhello`);
    expect(answer.isLast).toBe(true);
  });

  it.each([
    ['HEAD', 200, 'HEAD'],
    ['204', 204, 'GET'],
    ['304', 304, 'GET'],
  ] as const)('nothing for %s: whatever the body, none of it leaves', async (_what, status, method) => {
    for (const httpVersion of ['1.0', '1.1'] as const) {
      const { carrier, answer, text } = setUp({ method, httpVersion });
      answer.begin(status, ['ETag', '"a"']);
      await settled();
      expect(answer.write(hello)).toBe(true);
      answer.end();
      expect(text()).toMatch(/\r\nETag: "a"\r\nDate: now\r\nConnection: keep-alive\r\n\r\n$/);
      expect([carrier.answered, carrier.cuts]).toEqual([1, []]);
    }
  });

  it.each([
    ['HEAD', 200, 'HEAD'],
    ['304', 304, 'GET'],
  ] as const)(
    '%s with the length of what a GET would get, and is whole without it (RFC 9110 §8.6)',
    (_what, status, method) => {
      const { carrier, answer, text } = setUp({ method });
      answer.send(status, ['Content-Length', '5'], 'hello');
      expect(text()).toMatch(/\r\nContent-Length: 5\r\n/);
      expect(text()).toMatch(/\r\n\r\n$/);
      expect([carrier.answered, carrier.cuts]).toEqual([1, []]);
    },
  );
});

describe('AnswerWriter says', () => {
  it('close where the connection ends with it', () => {
    const { carrier, answer, text } = setUp();
    carrier.mayPersist = false;
    answer.send(200, []);
    expect(text()).toContain(CLOSED);
    expect(answer.isLast).toBe(true);
  });

  it('close where its handler says so', () => {
    const { answer, text } = setUp();
    answer.closeAfter();
    answer.send(200, []);
    expect(text()).toContain(CLOSED);
    expect(text()).not.toContain(KEPT);
  });

  it('close where a body was held back, and nobody asked for it (S04)', () => {
    const { answer, text } = setUp({ expectsContinue: true, body: {} });
    answer.send(204, []);
    expect(text()).toContain(CLOSED);
  });

  it('no close where the body was asked for, nor where there is none', () => {
    const asked = setUp({ expectsContinue: true, body: {} });
    asked.answer.writeContinue();
    asked.answer.send(204, []);
    const without = setUp({ expectsContinue: true });
    without.answer.send(204, []);
    expect([asked.text(), without.text()].filter((text) => text.includes(CLOSED))).toEqual([]);
  });

  it('its own Date where the fields have none', () => {
    const { answer, text } = setUp();
    answer.send(200, ['Date', 'then']);
    expect(text()).toContain('Date: then\r\n');
    expect(text()).not.toContain(DATE);
  });

  it('what it is, before, while and after', () => {
    const { answer } = setUp();
    expect([answer.isBegun, answer.status, answer.isDone]).toEqual([false, 0, false]);
    answer.begin(418, []);
    expect([answer.isBegun, answer.status, answer.isDone]).toEqual([true, 418, false]);
    answer.end();
    expect([answer.isBegun, answer.status, answer.isDone]).toEqual([true, 418, true]);
  });
});

describe('AnswerWriter holds', () => {
  it('the head until the next microtask, and no longer: what follows later may be long in coming', async () => {
    const { carrier, answer } = setUp();
    answer.begin(200, []);
    expect(carrier.writes).toEqual([]);
    await Promise.resolve();
    expect(carrier.writes).toEqual([expect.stringMatching(/Transfer-Encoding: chunked\r\n\r\n$/)]);
  });

  it('a first piece with the head, and both leave in the order of the body', async () => {
    const { answer, text } = setUp();
    answer.begin(200, ['Content-Length', '10']);
    answer.write(hello);
    answer.write(Buffer.from('world'));
    answer.end();
    await settled();
    expect(text()).toMatch(/\r\n\r\nhelloworld$/);
  });

  it('a first piece no longer than the next microtask', async () => {
    const { answer, text } = setUp();
    answer.begin(200, ['Content-Length', '10']);
    answer.write(hello);
    await Promise.resolve();
    expect(text()).toMatch(/\r\n\r\nhello$/);
  });

  it('no long piece: it leaves at once, behind its head', () => {
    const { carrier, answer } = setUp();
    answer.begin(200, ['Content-Length', '16385']);
    answer.write(Buffer.alloc(16 * 1024 + 1));
    expect(carrier.writes).toHaveLength(2);
    expect(carrier.writes[1]).toHaveLength(16 * 1024 + 1);
  });

  it('bytes of any kind: none is changed on its way', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { answer, text } = setUp();
    answer.begin(200, ['Content-Length', '256']);
    answer.write(all);
    answer.end();
    expect(text().endsWith(all.toString('latin1'))).toBe(true);
  });

  it('an empty piece for nothing: it would be the last chunk', async () => {
    const { answer, text } = setUp();
    answer.begin(200, []);
    await settled();
    answer.write(Buffer.alloc(0));
    expect(text()).toMatch(/chunked\r\n\r\n$/);
  });
});

describe('AnswerWriter cuts an answer', () => {
  it.each([
    ['is shorter than announced', ['hel'], [false]],
    ['has nothing of what was announced', [], [false]],
    ['is longer than announced', ['hello', '!'], [false]],
    ['is longer than announced in its first piece', ['hello!'], [false]],
  ])('that %s, and calls it answered never', async (_what, pieces, cuts) => {
    for (const isLate of [false, true]) {
      const { carrier, answer, text } = setUp();
      answer.begin(200, ['Content-Length', '5']);
      if (isLate) await settled();
      for (const piece of pieces) answer.write(Buffer.from(piece));
      answer.end();
      expect(carrier.cuts).toEqual(cuts);
      expect([answer.isDone, carrier.answered]).toEqual([false, 0]);
      expect(text()).not.toContain('!');
    }
  });

  it('that is aborted; for HTTP/1.0 so that its end is not taken for the end of the body', async () => {
    for (const httpVersion of ['1.0', '1.1'] as const) {
      const { carrier, answer } = setUp({ httpVersion });
      answer.begin(200, []);
      await settled();
      answer.abort();
      expect(carrier.cuts).toEqual([httpVersion === '1.0']);
    }
  });

  it('never once it is whole', () => {
    const { carrier, answer } = setUp();
    answer.send(200, []);
    answer.abort();
    expect(carrier.cuts).toEqual([]);
  });
});

describe('AnswerWriter is ended', () => {
  it('once, however often that is said', () => {
    const { carrier, answer } = setUp();
    answer.send(200, []);
    answer.end();
    answer.write(hello);
    expect([carrier.writes.length, carrier.answered]).toEqual([1, 1]);
  });

  it('by no second answer', () => {
    const { answer } = setUp();
    answer.begin(200, []);
    expect(() => answer.begin(200, [])).toThrow(TypeError);
    answer.end();
    expect(() => answer.send(500, [])).toThrow(TypeError);
  });

  it('by none that HTTP does not allow: another can still be given', () => {
    const { answer, text } = setUp();
    expect(() => answer.begin(200, ['X', 'a\nb'])).toThrow(TypeError);
    expect(answer.isBegun).toBe(false);
    answer.send(502, []);
    expect(text()).toMatch(/^HTTP\/1\.1 502 /);
  });
});

describe('AnswerWriter whose client has gone', () => {
  it('writes nothing, says that there is room, and is not answered', async () => {
    const { carrier, answer } = setUp();
    answer.begin(200, []);
    carrier.isClosed = true;
    expect([answer.isClosed, answer.write(hello)]).toEqual([true, true]);
    answer.end();
    answer.writeContinue();
    await settled();
    expect([carrier.writes, carrier.answered, answer.isDone]).toEqual([[], 0, false]);
  });

  it('tells its last listener, once begun or not', () => {
    const { answer } = setUp();
    const [first, last] = [vi.fn(), vi.fn()];
    answer.onClose(first);
    answer.onClose(last);
    answer.closed();
    expect([first, last].map((listener) => listener.mock.calls.length)).toEqual([0, 1]);
  });

  it('tells nobody where the answer was whole', () => {
    const { answer } = setUp();
    const listener = vi.fn();
    answer.onClose(listener);
    answer.send(200, []);
    answer.closed();
    expect(listener).not.toHaveBeenCalled();
  });
});

describe('AnswerWriter has its writer wait', () => {
  it('where the connection has no room, for the head as for any piece', async () => {
    const { carrier, answer } = setUp();
    carrier.hasRoom = false;
    answer.begin(200, ['Content-Length', '10']);
    expect(answer.write(hello)).toBe(true); // held: it has not left yet
    expect(answer.write(hello)).toBe(false);
  });

  it('until it drains, and tells the last listener', () => {
    const { answer } = setUp();
    const [first, last] = [vi.fn(), vi.fn()];
    answer.onDrain(first);
    answer.onDrain(last);
    answer.drained();
    expect([first, last].map((listener) => listener.mock.calls.length)).toEqual([0, 1]);
  });
});

describe('AnswerWriter.writeContinue()', () => {
  it('asks for the body before the answer, and leaves that to be given', () => {
    const { carrier, answer } = setUp();
    answer.writeContinue();
    answer.send(200, []);
    expect(carrier.writes).toEqual([
      'HTTP/1.1 100 Continue\r\n\r\n',
      expect.stringMatching(/^HTTP\/1\.1 200 /),
    ]);
  });

  it('asks for nothing once the answer has begun', () => {
    const { carrier, answer } = setUp();
    answer.begin(200, []);
    answer.writeContinue();
    expect(carrier.writes).toEqual([]);
  });
});
