import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError, type ErrorCode } from '../../../src/core/errors.ts';
import { compileHeaderPolicy } from '../../../src/core/headers.ts';
import type { FailedAttempt } from '../../../src/forward/http.ts';
import {
  BUDGET_RATIO,
  BUDGET_RETRIES_MIN,
  BUDGET_WINDOW_MS,
  isConnectFailure,
  RetryBudget,
  retryReason,
} from '../../../src/forward/retry.ts';
import type { UpstreamRequest } from '../../../src/forward/upstream.ts';
import { fakeClock } from '../../support/clock.ts';

const METHODS = new Set(['GET', 'HEAD', 'PUT']);

function request(overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: 'GET',
    target: '/',
    headers: ['Host', 'app'],
    keepsHost: false,
    body: null,
    headerPolicy: compileHeaderPolicy([]),
    assertionHeader: null,
    ...overrides,
  };
}

function failed(code: ErrorCode, isSent: boolean, isAnswered = false): FailedAttempt {
  return { error: new CountersignError(code, 'lost'), isSent, isAnswered };
}

const LOST = failed('upstream_unreachable', true);
const REFUSED = failed('upstream_unreachable', false);

describe('retryReason() after a request was sent (U02)', () => {
  it.each(['GET', 'HEAD', 'PUT'])('repeats %s', (method) =>
    expect(retryReason(LOST, request({ method }), METHODS)).toBe('reset'),
  );

  it.each(['POST', 'PATCH', 'DELETE', 'get', 'PURGE'])('never repeats %s', (method) =>
    expect(retryReason(LOST, request({ method }), METHODS)).toBeNull(),
  );

  it('never repeats what is not idempotent, even where the settings list it', () =>
    expect(retryReason(LOST, request({ method: 'POST' }), new Set(['POST']))).toBeNull());

  it('never repeats a request with a body: it was begun', () =>
    expect(retryReason(LOST, request({ method: 'PUT', body: Readable.from(['a']) }), METHODS)).toBeNull());

  it('never repeats after a byte of an answer', () =>
    expect(retryReason(failed('upstream_unreachable', true, true), request(), METHODS)).toBeNull());

  it.each(['upstream_timeout', 'upstream_protocol_error', 'internal_error'] as const)(
    'never repeats after %s',
    (code) => expect(retryReason(failed(code, true), request(), METHODS)).toBeNull(),
  );
});

describe('retryReason() where no connection was had (U03)', () => {
  it.each(['GET', 'POST', 'PATCH'])('tries another target for %s: nothing was sent', (method) =>
    expect(retryReason(REFUSED, request({ method, body: Readable.from(['a']) }), METHODS)).toBe('connect'),
  );

  it('tries another target after a connect timeout', () =>
    expect(retryReason(failed('upstream_timeout', false), request(), METHODS)).toBe('connect'));

  it('gives up where the request is what is wrong', () =>
    expect(retryReason(failed('internal_error', false), request(), METHODS)).toBeNull());

  it('gives up where the body is gone', () => {
    const body = Readable.from(['a']);
    body.destroy();
    expect(retryReason(REFUSED, request({ method: 'POST', body }), METHODS)).toBeNull();
  });
});

describe('isConnectFailure()', () => {
  it('does not blame the target for a client that went away', () => {
    const body = Readable.from(['a']);
    body.destroy();
    expect(isConnectFailure(REFUSED, request({ body }))).toBe(false);
  });

  it('does not blame the target for a request that was sent', () =>
    expect(isConnectFailure(LOST, request())).toBe(false));
});

describe('RetryBudget', () => {
  const taken = (budget: RetryBudget, tries: number) =>
    Array.from({ length: tries }, () => budget.take()).filter(Boolean).length;

  it('has a few retries for a quiet upstream', () =>
    expect(taken(new RetryBudget(fakeClock()), 100)).toBe(BUDGET_RETRIES_MIN));

  it('has a fifth of the requests for a busy one', () => {
    const budget = new RetryBudget(fakeClock());
    for (let count = 0; count < 1000; count += 1) budget.countRequest();
    expect(taken(budget, 1000)).toBe(200);
  });

  it('refills as the window passes', () => {
    const clock = fakeClock();
    const budget = new RetryBudget(clock);
    taken(budget, 100);
    clock.advanceMs(BUDGET_WINDOW_MS - 1000);
    expect(taken(budget, 1)).toBe(0);
    clock.advanceMs(1000);
    expect(taken(budget, 100)).toBe(BUDGET_RETRIES_MIN);
  });

  it('is never exceeded, whatever requests and failures come when', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('request' as const), count: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ kind: fc.constant('retry' as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('wait' as const), count: fc.integer({ min: 1, max: 4000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = fakeClock();
        const budget = new RetryBudget(clock);
        const requests: number[] = [];
        const retries: number[] = [];
        const within = (times: readonly number[]) =>
          times.filter((timeMs) => clock() - timeMs <= BUDGET_WINDOW_MS).length;
        for (const { kind, count } of steps) {
          if (kind === 'wait') clock.advanceMs(count);
          for (let index = 0; kind === 'request' && index < count; index += 1) {
            budget.countRequest();
            requests.push(clock());
          }
          for (let index = 0; kind === 'retry' && index < count; index += 1) {
            if (!budget.take()) continue;
            retries.push(clock());
            // Slots are whole seconds: up to one second of retries has left them before it leaves this window.
            const justLeft = retries.filter((timeMs) => clock() - timeMs > BUDGET_WINDOW_MS - 1000).length;
            const bound = Math.max(BUDGET_RETRIES_MIN, within(requests) * BUDGET_RATIO);
            expect(within(retries)).toBeLessThanOrEqual(bound + justLeft);
          }
        }
      }),
    );
  });
});
