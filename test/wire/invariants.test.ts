/** Invariants I1–I3 and I7 over raw sockets: for any conversation, what was authorized is what was forwarded. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULTY } from './cases/faults.ts';
import { GADGETS } from './cases/transfer-encodings.ts';
import { isFinal, openClient, statusOf } from './support/client.ts';
import { secondWord } from './support/http-message.ts';
import { FORGED, judge, PUBLIC, request, startRig, type WireRig } from './support/rig.ts';
import { tagOf } from './support/upstream.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(() => rig.stop());

/** Bounded to a few seconds for the file, and the same every time; `seed` is what a search for more would change. */
const RUNS = { numRuns: 500, seed: 20_260_103 };

const NAMES = [
  'X-JWT-Assertion',
  'x_jwt_assertion',
  'X.JWT.Assertion',
  'x-JWT_assertion',
  "X~JWT'Assertion",
  'AppMgtSAML2Response',
];
const forgedLine = fc.constantFrom(...NAMES).map((name) => `${name}: ${FORGED}\r\n`);
const listedLine = fc.constantFrom(
  'Connection: X-JWT-Assertion\r\n',
  'Connection: Authorization, Host\r\n',
  'X-Plain: 1\r\n',
);
const segment = fc
  .stringMatching(/^[A-Za-z0-9._~!$&'()*+,=:@-]{1,8}$/)
  .filter((text) => !/^\.{1,2}$/.test(text));
const query = fc.stringMatching(/^(?:\?[A-Za-z0-9/?%=&.;]{0,12})?$/);
const target = fc
  .tuple(fc.constantFrom('', PUBLIC, '/app'), fc.array(segment, { minLength: 1, maxLength: 3 }), query)
  .map(([prefix, segments, tail]) => `${prefix}/${segments.join('/')}${tail}`);
const framing = fc.oneof(
  fc.constant({ lines: '', body: '' }),
  fc.string({ maxLength: 40 }).map((text) => {
    const body = Buffer.from(text).toString('latin1');
    return { lines: `Content-Length: ${body.length}\r\n`, body };
  }),
  fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { maxLength: 4 }).map((chunks) => ({
    lines: 'Transfer-Encoding: chunked\r\n',
    body: `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`,
  })),
);
const message = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'),
  target,
  framing,
  headers: fc.array(fc.oneof(forgedLine, listedLine), { maxLength: 3 }).map((lines) => lines.join('')),
  isAuthorized: fc.boolean(),
});

interface Given {
  readonly method: string;
  readonly target: string;
  readonly framing: { readonly lines: string; readonly body: string };
  readonly headers: string;
  readonly isAuthorized: boolean;
}

function bytesOf({ method, target, framing, headers, isAuthorized }: Given, index: number): string {
  const lines = headers + framing.lines;
  const token = isAuthorized ? {} : { token: null };
  return request(rig, { method, target, tag: String(index), lines, body: framing.body, ...token });
}

describe('any conversation of good and refused requests', () => {
  it('is forwarded request for request, in bytes that were matched, with our identity alone (I1, I2, I3)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 6 }), async (messages) => {
        const bytes = messages.map(bytesOf).join('');
        const { forwarded, statuses } = await judge(
          rig,
          bytes,
          messages.map(({ method }) => method),
        );
        const allowed = messages.flatMap((one, index) =>
          one.isAuthorized || one.target.startsWith(`${PUBLIC}/`) ? [index] : [],
        );
        // A refused request may close the connection behind it; what was answered is the beginning of what was asked.
        const served = allowed.filter((index) => index < statuses.length).map(String);
        expect(forwarded.filter((tag) => tag !== 'sentinel')).toEqual(served);
        for (const one of rig.upstream.requests.filter(
          (seen) => tagOf(seen) !== 'sentinel' && tagOf(seen) !== 'after',
        ))
          expect(secondWord(one)).toBe(messages[Number(tagOf(one))]?.target);
        statuses.slice(0, messages.length).forEach((status, index) => {
          expect(status).toBe(allowed.includes(index) ? 200 : 401);
        });
      }),
      RUNS,
    );
  });
});

describe('any bytes', () => {
  const gadget = fc.constantFrom(...GADGETS.flatMap(({ lines }) => lines));
  // Which answer is that to a HEAD is not known where requests may have been read in another way.
  const readable = message.filter(({ method }) => method !== 'HEAD');
  const piece = fc.oneof(
    { weight: 4, arbitrary: readable.map((one) => (index: number) => bytesOf(one, index)) },
    {
      weight: 1,
      arbitrary: gadget.map(
        (line) => (index: number) =>
          request(rig, { method: 'POST', tag: String(index), lines: line, body: '0\r\n\r\n' }),
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .string({ unit: 'binary', maxLength: 30 })
        .map((text) => () => Buffer.from(text).toString('latin1')),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('\r\n', '\n', 'GET / HTTP/1.1\r\n', '\0', '0\r\n\r\n')
        .map((text) => () => text),
    },
  );

  it('end in answers of which none is crossed, and a gateway that serves (I2, I7)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 5 }), async (pieces) => {
        // The newline ends a request line that random bytes have begun, so that nothing waits for its end.
        const bytes = pieces.map((write, index) => write(index)).join('');
        await judge(rig, `${bytes}\r\n\r\n`);
      }),
      RUNS,
    );
  });
});

describe('any upstream', () => {
  const faults = [
    'none',
    'chunked',
    'close',
    'hint',
    'twice',
    'stray',
    'extra',
    'short',
    'cutHead',
    'gone',
    'framedTwice',
    'early',
  ];

  it('gives each client its own answer, or none (I2, S08)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...faults), { minLength: 1, maxLength: 8 }), async (plan) => {
        rig.upstream.forget();
        rig.upstream.behaviour = FAULTY;
        for (const [index, fault] of plan.entries()) {
          const client = await openClient(rig.port);
          client.send(request(rig, { tag: String(index), lines: `X-Fault: ${fault}\r\n` }));
          const { responses, violation } = await client.answered(1);
          client.cut();
          expect(violation).toBeNull();
          const [response] = responses.filter(isFinal);
          if (response !== undefined && statusOf(response) !== 502)
            expect([statusOf(response), tagOf(response)]).toEqual([200, String(index)]);
        }
        expect(rig.upstream.violations).toEqual([]);
      }),
      RUNS,
    );
  });
});
