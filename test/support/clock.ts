/** A clock that tests own. */
export interface FakeClock {
  (): number;
  advanceMs(durationMs: number): void;
  setMs(timeMs: number): void;
}

/** Starts at 2026-01-01T00:00:00Z unless told. */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let nowMs = startMs;
  return Object.assign(() => nowMs, {
    advanceMs: (durationMs: number) => {
      nowMs += durationMs;
    },
    setMs: (timeMs: number) => {
      nowMs = timeMs;
    },
  });
}
