/** Rows S01, S03 and S04 of the threat table: no spelling of Transfer-Encoding hides a request. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attacks, GADGETS } from './cases/transfer-encodings.ts';
import { judge, request, SENTINEL, startRig, type WireRig } from './support/rig.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(() => rig.stop());

/** What may happen to the first request and what stands behind it; anything else is a request that was hidden. */
const HARMLESS = [
  { forwarded: [], statuses: [expect.toBeOneOf([400, 411, 431, 501])] }, // refused, and closed
  { forwarded: ['first'], statuses: [200, expect.toBeOneOf([400, 501])] }, // the rest is no request
  { forwarded: ['first'], statuses: [200] }, // the client asked to close
  { forwarded: ['first', SENTINEL], statuses: [200, 200] },
];

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
      const { statuses, forwarded } = await judge(rig, bytes);
      expect({ forwarded, statuses }, JSON.stringify(gadget)).toBeOneOf(HARMLESS);
    }
  });
});
