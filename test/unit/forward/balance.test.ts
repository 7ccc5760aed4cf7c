import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestCandidates, type Candidate, pickTarget } from '../../../src/forward/balance.ts';

interface Named extends Candidate {
  readonly name: string;
}

const target = (name: string, activeRequests = 0, isHealthy = true): Named => ({
  name,
  activeRequests,
  isHealthy,
});

/** Names of what `count` picks in a row choose. */
function picks(balance: 'roundRobin' | 'leastRequests', candidates: readonly Named[], count: number): string {
  return Array.from(
    { length: count },
    (_unused, turn) => pickTarget(balance, candidates, turn)?.name ?? '-',
  ).join('');
}

describe('pickTarget()', () => {
  it('gives each target its turn', () =>
    expect(picks('roundRobin', [target('a'), target('b'), target('c')], 7)).toBe('abcabca'));

  it('gives the next request to the least busy target', () =>
    expect(picks('leastRequests', [target('a', 2), target('b', 1), target('c', 3)], 4)).toBe('bbbb'));

  it('takes turns among targets that are equally busy', () =>
    expect(picks('leastRequests', [target('a', 1), target('b', 2), target('c', 1)], 6)).toBe('acacac'));

  it.each(['roundRobin', 'leastRequests'] as const)('chooses none from none: %s', (balance) =>
    expect(pickTarget(balance, [], 3)).toBeUndefined(),
  );

  it('never chooses a target that is busier than another, whatever the turn', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), fc.nat(), (loads, turn) => {
        const chosen = pickTarget(
          'leastRequests',
          loads.map((load) => target('x', load)),
          turn,
        );
        expect(chosen?.activeRequests).toBe(Math.min(...loads));
      }),
    ));
});

describe('bestCandidates()', () => {
  const a = target('a');
  const b = target('b');
  const sick = target('sick', 0, false);
  const none = new Set<Named>();

  it('leaves unhealthy targets out', () => expect(bestCandidates([a, sick, b], none, false)).toEqual([a, b]));

  it('tries all where all are unhealthy', () => expect(bestCandidates([sick], none, false)).toEqual([sick]));

  it('does not ask a target twice', () => expect(bestCandidates([a, b], new Set([a]), false)).toEqual([b]));

  it('tries an unhealthy target before it gives up', () =>
    expect(bestCandidates([a, sick], new Set([a]), false)).toEqual([sick]));

  it('asks nobody where all were tried', () => expect(bestCandidates([a], new Set([a]), false)).toEqual([]));

  it('asks a healthy target again, where that is allowed, before an unhealthy one', () =>
    expect(bestCandidates([a, sick], new Set([a]), true)).toEqual([a]));

  it('prefers a healthy target that was not tried', () =>
    expect(bestCandidates([a, b], new Set([a]), true)).toEqual([b]));
});
