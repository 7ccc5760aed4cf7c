/** The rules of cispa/http-conformance, over sockets: every one is shown to be kept, or named with the reason. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readVectors } from '../support/vectors.ts';
import { NOT_OURS, RULES, type RuleExchange } from './cases/conformance-rules.ts';
import { isFinal, openClient, statusOf } from './support/client.ts';
import { request, startRig, type WireRig } from './support/rig.ts';

const PUBLISHED = readVectors<{ class: string }[]>('http-conformance-rules/rules.json');

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

beforeEach(() => rig.upstream.forget());

afterAll(() => rig.stop());

describe.skipIf(PUBLISHED === null)('the rules', () => {
  it('are each kept or not ours, and none is made up', () => {
    const named = [...Object.keys(RULES), ...Object.keys(NOT_OURS)];
    expect(named.toSorted()).toEqual(PUBLISHED?.map((rule) => rule.class).toSorted());
  });
});

describe('the gateway', () => {
  it.each(Object.entries(RULES))('keeps the rule %s', async (_rule, exchanges) => {
    for (const exchange of exchanges) await expectKept(exchange);
  });

  it.each(['/', '/a//b', '/read-only'])(
    'sends to HEAD of %s the header that it sends to GET',
    async (target) => {
      const headers = async (method: string) => {
        const client = await openClient(rig.port);
        client.send(request(rig, { method, target, token: null }));
        const { responses } = await client.answered(1, [method]);
        client.cut();
        return responses[0]?.headers.filter(([name]) => !/^(?:date|x-request-id)$/i.test(name));
      };
      expect(await headers('HEAD')).toEqual(await headers('GET'));
    },
  );
});

async function expectKept({
  parts = {},
  bytes,
  answer,
  statuses,
  holds,
  lacks,
}: RuleExchange): Promise<void> {
  rig.upstream.forget();
  if (answer !== undefined) {
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => {
        rig.upstream.behave();
        socket.removeAllListeners('data').resume().end(Buffer.from(answer, 'latin1'));
      },
    };
  }
  const method = parts.method ?? 'GET';
  const client = await openClient(rig.port);
  client.send(bytes ?? request(rig, parts));
  const { responses, violation } = await client.answered(statuses.filter((status) => status > 100).length, [
    method,
  ]);
  client.cut();
  expect(violation).toBeNull();
  expect(responses.filter((one) => isFinal(one) || statuses.includes(statusOf(one))).map(statusOf)).toEqual(
    statuses,
  );
  if (holds !== undefined) expect(client.received()).toMatch(holds);
  if (lacks !== undefined) expect(client.received()).not.toMatch(lacks);
}
