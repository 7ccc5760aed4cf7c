import { describe, expect, it } from 'vitest';
import { type HeldSnapshot, holdable } from '../../../src/app/held-snapshot.ts';
import type { Snapshot } from '../../../src/app/snapshot.ts';
import { settled } from '../../support/scheduler.ts';

/** Only what is held is looked at: the rest of a snapshot is not needed here. */
function heldSnapshot(): { snapshot: HeldSnapshot; closings: () => number } {
  let closings = 0;
  const close = async () => {
    closings += 1;
  };
  return { snapshot: holdable({ close } as Snapshot), closings: () => closings };
}

describe('holdable()', () => {
  it('closes a retired snapshot that nobody uses at once', async () => {
    const { snapshot, closings } = heldSnapshot();
    await snapshot.retire();
    expect(closings()).toBe(1);
  });

  it('closes a retired snapshot when its last request is over, not before (I11)', async () => {
    const { snapshot, closings } = heldSnapshot();
    const releases = [snapshot.hold(), snapshot.hold()];
    const retired = snapshot.retire();
    releases[0]?.();
    await settled();
    expect(closings()).toBe(0);
    releases[1]?.();
    await retired;
    expect(closings()).toBe(1);
  });

  it('keeps a snapshot in use open when its requests are over', async () => {
    const { snapshot, closings } = heldSnapshot();
    snapshot.hold()();
    await settled();
    expect(closings()).toBe(0);
  });

  it('counts a request that is over twice as one', async () => {
    const { snapshot, closings } = heldSnapshot();
    const [first] = [snapshot.hold(), snapshot.hold()];
    void snapshot.retire();
    first?.();
    first?.();
    await settled();
    expect(closings()).toBe(0);
  });

  it('closes once, however often it is asked', async () => {
    const { snapshot, closings } = heldSnapshot();
    await Promise.all([snapshot.close(), snapshot.close(), snapshot.retire()]);
    expect(closings()).toBe(1);
  });
});
