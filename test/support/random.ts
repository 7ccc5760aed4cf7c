/** A seeded generator, so that a run that fails can be run again. */
export interface Random {
  /** A whole number from 0 to `below` − 1. */
  below(limit: number): number;
  pick<T>(values: readonly T[]): T;
}

/** mulberry32: small, fast, good enough to choose test cases. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return {
    below,
    pick: (values) => {
      const value = values[below(values.length)];
      if (value === undefined && values.length === 0) throw new Error('nothing to pick from');
      return value as (typeof values)[number];
    },
  };
}
