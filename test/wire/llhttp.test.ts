/** Row S02 by llhttp's own test inputs: each is refused, or goes on as exactly the messages that its log names. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REQUEST_DEVIATIONS, RESPONSE_DEVIATIONS } from './cases/llhttp-deviations.ts';
import { isFinal, openClient, statusOf } from './support/client.ts';
import { secondWord, valuesOf, type WireMessage } from './support/http-message.ts';
import { type LlhttpVector, readLlhttp } from './support/llhttp.ts';
import { expectToServe, request, startRig, type WireRig } from './support/rig.ts';

const REQUESTS = readLlhttp('request', [
  ...['connection', 'content-length', 'finish', 'invalid', 'lenient-header-value-relaxed', 'lenient-headers'],
  ...['lenient-version', 'method', 'pausing', 'pipelining', 'sample', 'transfer-encoding', 'uri'],
]);
const RESPONSES = readLlhttp('response', [
  ...['connection', 'content-length', 'finish', 'invalid', 'lenient-version', 'pausing', 'pipelining'],
  ...['sample', 'transfer-encoding'],
]);

const FOLLOWED = REQUESTS?.filter(({ name }) => !(name in REQUEST_DEVIATIONS)) ?? [];

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig({ app: ', auth: none' });
});

beforeEach(() => rig.upstream.forget());

afterAll(() => rig.stop());

/** Most inputs have no Host, and would be refused for that alone. */
function withHost(bytes: string): string {
  const [head = ''] = bytes.split('\r\n\r\n', 1);
  return /^host[ \t]*:/im.test(head)
    ? bytes
    : bytes.replace(/^(\S+ \S+ HTTP\/1\.[01]\r\n)/, '$1Host: wire.test\r\n');
}

/** A target in absolute-form goes on in origin-form (RFC 9112 §3.2.2). */
function originForm(url: string): string {
  const rest = url.replace(/^https?:\/\/[^/?]*/i, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

const read = (request: WireMessage) => [request.startLine.split(' ')[0], secondWord(request), request.body];

function expectRefusal(response: WireMessage | undefined): void {
  expect(statusOf(response)).toBeOneOf([400, 404, 405, 408, 411, 413, 414, 417, 431, 501]);
}

describe.skipIf(REQUESTS === null)('a request of llhttp', () => {
  it('is there in numbers, and no deviation is for one that is gone', () => {
    expect(REQUESTS?.length).toBeGreaterThan(150);
    expect(REQUESTS?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(REQUEST_DEVIATIONS)),
    );
  });

  it.each(FOLLOWED)('$name (S02)', async ({ bytes, messages, hasError }) => {
    const expected = messages.map(({ method, url, body }) => [method, originForm(url), body]);
    const methods = messages.map(({ method }) => method);
    const client = await openClient(rig.port);
    client.send(withHost(bytes));
    await client.answered(messages.length + (hasError ? 1 : 0), methods);
    client.finish();
    const { responses, violation } = await client.closed(methods);
    const finals = responses.filter(isFinal);
    const forwarded = rig.upstream.requests.map(read);
    expect([violation, rig.upstream.violations]).toEqual([null, []]);
    await expectToServe(rig);
    expect(forwarded).toEqual(expected.slice(0, forwarded.length));
    expect(finals.slice(0, forwarded.length).map(statusOf)).toEqual(forwarded.map(() => 200));
    const behind = finals.slice(forwarded.length);
    for (const one of behind) expectRefusal(one);
    if (behind.length === 0 && forwarded.length < expected.length)
      expect(finals.flatMap((one) => valuesOf(one, 'connection'))).toContain('close');
  });
});

describe.skipIf(RESPONSES === null)('a response of llhttp', () => {
  it('is there in numbers, and no deviation is for one that is gone', () => {
    expect(RESPONSES?.length).toBeGreaterThan(80);
    expect(RESPONSES?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(RESPONSE_DEVIATIONS)),
    );
  });

  it.each(RESPONSES ?? [])('$name (H10)', async (vector) => {
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => {
        rig.upstream.behave();
        socket.end(Buffer.from(vector.bytes, 'latin1'));
      },
    };
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', lines: 'Content-Length: 0\r\n' }));
    const { responses, violation } = await client.answered(1);
    client.cut();
    expect(violation).toBeNull();
    await expectToServe(rig);
    const [response] = responses.filter(isFinal);
    if (response === undefined || statusOf(response) === 502 || vector.name in RESPONSE_DEVIATIONS) return;
    expect([statusOf(response), response.body]).toEqual(seenBy(vector));
  });
});

/** The first final response that the log names; where an error came first, there is none to be seen. */
function seenBy({ messages, partial, hasError }: LlhttpVector): readonly [number, string] | null {
  const whole = messages.find(({ status }) => status >= 200);
  const one = whole ?? (hasError ? null : partial);
  return one === null ? null : [one.status, one.body];
}
