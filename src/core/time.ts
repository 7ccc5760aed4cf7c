/** Time as values: the clock every room is given, durations as people write them, NumericDate. */

/** Milliseconds since 1970-01-01T00:00:00Z. Passed in everywhere, so that tests own time. */
export type Clock = () => number;

/** Runs a task once after the delay, without keeping the process alive, and gives back its cancellation. */
export type Scheduler = (task: () => void, delayMs: number) => () => void;

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', SECOND_MS],
  ['m', MINUTE_MS],
  ['h', HOUR_MS],
  ['d', DAY_MS],
]);

/** `500ms`, `30s`, `5m`, `24h` or `7d` to milliseconds; undefined when the text is none of these. */
export function parseDurationMs(text: string): number | undefined {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS.get(parts?.[2] ?? '');
  return parts === null || unitMs === undefined ? undefined : Number(parts[1]) * unitMs;
}

/** The largest unit that divides the duration: 300000 is `5m`. parseDurationMs reads it back up to nine digits. */
export function formatDurationMs(durationMs: number): string {
  const units = [...UNIT_MS].reverse();
  const unit = units.find(([, unitMs]) => durationMs % unitMs === 0 && durationMs >= unitMs);
  return unit === undefined ? `${durationMs}ms` : `${durationMs / unit[1]}${unit[0]}`;
}

/** NumericDate (RFC 7519 §2): whole seconds since the epoch. */
export function numericDate(timeMs: number): number {
  return Math.floor(timeMs / SECOND_MS);
}
