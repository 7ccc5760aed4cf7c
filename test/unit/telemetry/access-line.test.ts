/** The access line is what pino would have written, whatever stands in its fields. */
import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { accessLine, callLine, memberText } from '../../../src/telemetry/access-line.ts';
import { type AccessFields, type CallFields, createLog } from '../../../src/telemetry/log.ts';

const FIELDS: AccessFields = {
  request_id: 'b1f6',
  client_ip: '192.0.2.7',
  method: 'GET',
  path: '/orders',
  status: 200,
  duration_ms: 3,
  upstream_ms: null,
  route: 'orders',
  realm: 'partner',
  user: 'ada',
  upstream: 'service',
  decision: 'allow',
  reason: 'ok',
  detail: null,
  bytes: 17,
};

/** Texts of any characters, lone surrogates, quotes and line ends among them. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\ud800', '"', '\\', '\n', '\u2028', '\x7f', '\u009b', '\u202e', 'ž') }),
);
/** What moves the cursor of a terminal, or turns what stands beside it around. */
const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
/** Any number there is, also those that JSON has no words for. */
const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity));
const fields: fc.Arbitrary<AccessFields> = fc.record({
  ...Object.fromEntries(Object.entries(FIELDS).map(([name, value]) => [name, fc.constant(value)])),
  request_id: text,
  client_ip: text,
  method: text,
  path: text,
  status: number,
  duration_ms: number,
  upstream_ms: fc.option(number),
  bytes: number,
  route: fc.option(text),
  realm: fc.option(text),
  user: fc.option(text),
  upstream: fc.option(text),
  reason: text,
  detail: fc.option(text),
}) as fc.Arbitrary<AccessFields>;

const CALL: CallFields = {
  request_id: 'b1f6',
  client_ip: '192.0.2.7',
  operation: 'validateJWT',
  method: 'GET',
  path: '/api/jwt/validate',
  status: 401,
  duration_ms: 3,
  reason: null,
  client_gone: false,
  response_bytes: 17,
};

const calls: fc.Arbitrary<CallFields> = fc.record({
  ...Object.fromEntries(Object.entries(CALL).map(([name, value]) => [name, fc.constant(value)])),
  request_id: text,
  client_ip: text,
  operation: text,
  method: text,
  path: text,
  status: number,
  duration_ms: number,
  response_bytes: number,
  reason: fc.option(text),
  client_gone: fc.boolean(),
}) as fc.Arbitrary<CallFields>;

function pinoLine(
  members: Record<string, string | number>,
  given: AccessFields | CallFields,
  message = 'request',
): string {
  let line = '';
  const write = (text: string) => {
    line = text;
  };
  const formatters = { level: (level: string) => ({ level }) };
  const options = { base: members, formatters, timestamp: () => ',"time":"2026-11-22T09:00:00.007Z"' };
  pino(options, { write }).info(given, message);
  return line;
}

describe('accessLine', () => {
  it('equals the line of pino, member by member and in order', () => {
    const timeMs = Date.parse('2026-11-22T09:00:00.007Z');
    fc.assert(
      fc.property(fields, (given) => {
        const line = accessLine(timeMs, memberText({ worker: 2 }), given);
        const expected = pinoLine({ worker: 2 }, given);
        expect(Object.entries(JSON.parse(line))).toEqual(Object.entries(JSON.parse(expected)));
      }),
    );
  });

  it('is one line of printable characters, whatever a client sent (O02)', () => {
    fc.assert(
      fc.property(fields, (given) => {
        const line = accessLine(0, '', given);
        expect(line).not.toMatch(UNSEEN);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect([...line.slice(0, -1)].every((character) => character >= ' ')).toBe(true);
      }),
    );
  });

  it.each([Number.NaN, Infinity, -Infinity])(
    'writes null in the place of %s, so that the line is JSON',
    (value) => {
      const given = { ...FIELDS, status: value, duration_ms: value, upstream_ms: value, bytes: value };
      const expected = { status: null, duration_ms: null, upstream_ms: null, bytes: null };
      expect(JSON.parse(accessLine(0, '', given))).toMatchObject(expected);
    },
  );

  it('writes the time as ISO 8601, to the millisecond', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }), (date) => {
        expect(JSON.parse(accessLine(date.getTime(), '', FIELDS)).time).toBe(date.toISOString());
      }),
    );
  });
});

describe('callLine', () => {
  it('equals the line of pino, member by member and in order', () => {
    const timeMs = Date.parse('2026-11-22T09:00:00.007Z');
    fc.assert(
      fc.property(calls, (given) => {
        const line = callLine(timeMs, memberText({ worker: 2 }), given);
        const expected = pinoLine({ worker: 2 }, given, 'call');
        expect(Object.entries(JSON.parse(line))).toEqual(Object.entries(JSON.parse(expected)));
      }),
    );
  });

  it('is one line of printable characters, whatever a client sent (O02)', () => {
    fc.assert(
      fc.property(calls, (given) => {
        const line = callLine(0, '', given);
        expect(line).not.toMatch(UNSEEN);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect([...line.slice(0, -1)].every((character) => character >= ' ')).toBe(true);
      }),
    );
  });
});

describe('createLog call', () => {
  it.each([['info', 1] as const, ['warn', 0] as const])('at level %s writes %i lines', (level, count) => {
    const lines: string[] = [];
    createLog({ level, members: { worker: 1 }, write: (line) => lines.push(line) }).call(CALL);
    const line = { ...CALL, level: 'info', time: expect.any(String), worker: 1, msg: 'call' };
    expect(lines.map((text): unknown => JSON.parse(text))).toEqual(new Array(count).fill(line));
  });
});

describe('createLog access', () => {
  const written = (level: 'info' | 'warn') => {
    const lines: string[] = [];
    createLog({ level, members: { worker: 1 }, write: (line) => lines.push(line) }).access(FIELDS);
    return lines.map((line): unknown => JSON.parse(line));
  };

  it('writes a line at level info, with the members of every line', () => {
    expect(written('info')).toEqual([
      { ...FIELDS, level: 'info', time: expect.any(String), worker: 1, msg: 'request' },
    ]);
  });

  it('writes none where the level is above info', () => {
    expect(written('warn')).toEqual([]);
  });
});
