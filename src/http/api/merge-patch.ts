/** PATCH: what a caller sends laid over what there is (RFC 7396): members replace, objects merge, null takes away. */

/** Deeper bodies are refused before: JSON of this depth is made to exhaust a stack. */
const DEPTH_MAX = 64;

type Members = Readonly<Record<string, unknown>>;

/** Neither argument is changed. */
export function mergePatch(present: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch) || depth > DEPTH_MAX) return patch;
  const merged = new Map(Object.entries(isObject(present) ? present : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
