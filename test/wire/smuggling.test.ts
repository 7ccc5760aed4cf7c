/** Rows S01, S03 and S04 of the threat table: no spelling of Transfer-Encoding hides a request. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attacks, GADGETS } from './cases/transfer-encodings.ts';
import { judge, request, SENTINEL, startRig, type WireRig } from './support/rig.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(() => rig.stop());

/** What may happen: the first request is refused and nothing follows, or it is the one request before the sentinel. */
async function expectNotSmuggled(bytes: string): Promise<void> {
  const { statuses, forwarded } = await judge(rig, bytes);
  const isRefused = forwarded.length === 0;
  if (isRefused) expect(statuses).toEqual([expect.toBeOneOf([400, 411, 431, 501])]);
  else if (statuses.length === 2 && statuses[1] !== 200)
    expect([forwarded, statuses[1]]).toEqual([['first'], expect.toBeOneOf([400, 501])]);
  else
    expect([forwarded, statuses]).toEqual([
      ['first', SENTINEL],
      [200, 200],
    ]);
}

describe('the gadgets', () => {
  it('are several hundred, none twice (S01)', () => {
    const lines = GADGETS.flatMap((family) => family.lines);
    expect(new Set(lines).size).toBeGreaterThan(300);
  });
});

describe.each(['CL.TE', 'TE.CL', 'TE alone'])('%s hides no request behind', (attackName) => {
  it.each(GADGETS)('$name (S01, S03, S04)', async ({ lines }) => {
    const smuggled = request(rig, { target: '/smuggled', tag: 'smuggled' });
    const attack = attacks(smuggled).find(({ name }) => name === attackName);
    for (const gadget of lines) {
      const written = attack?.write(gadget);
      const bytes = request(rig, { method: 'POST', target: '/first', tag: 'first', ...written });
      await expectNotSmuggled(bytes).catch((cause: unknown) => {
        throw new Error(`gadget ${JSON.stringify(gadget)}`, { cause });
      });
    }
  });
});
