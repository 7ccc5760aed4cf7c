/** Did you mean: the nearest known name for a misspelt one. */

/** Longer names are never compared: the cost grows with the product of the lengths. */
const NAME_CHARACTERS_MAX = 64;
/** Fewer characters begin too many names to mean one of them. */
const BEGINNING_CHARACTERS_MIN = 3;

/** ` (did you mean "issuer"?)`, or nothing where no candidate is near. Goes behind a message. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === null ? '' : ` (did you mean "${nearest}"?)`;
}

/**
 * The candidate with the smallest edit distance, at most a third of what differs; another spelling of one wins. Where
 * none is near, the only one of which the name is the beginning: `alg`, `path`.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  if (name.length > NAME_CHARACTERS_MAX) return null;
  const possible = [...candidates].filter(({ length }) => length <= NAME_CHARACTERS_MAX);
  let nearest: string | null = null;
  let nearestDistance = Infinity;
  for (const candidate of possible) {
    const distance = distanceBetween(name, candidate);
    if (distance !== null && distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest ?? onlyBeginning(name, possible);
}

/** Null: too far. Words that both end with say nothing: `captchaConfiguration` is no `jwtConfiguration`. */
function distanceBetween(name: string, candidate: string): number | null {
  if (plain(name) === plain(candidate)) return 0;
  const [own, other] = withoutSharedEnd(wordsOf(name), wordsOf(candidate));
  const distance = editDistance(own, other);
  return distance <= Math.max(1, Math.floor(own.length / 3)) ? distance : null;
}

function onlyBeginning(name: string, candidates: readonly string[]): string | null {
  if (plain(name).length < BEGINNING_CHARACTERS_MIN) return null;
  const [first = null, ...others] = candidates.filter((candidate) =>
    plain(candidate).startsWith(plain(name)),
  );
  return others.length === 0 ? first : null;
}

/** `jwksUri`, `jwks_uri` and `jwks-uri` are two words. */
function wordsOf(name: string): string[] {
  return name
    .split(/(?<=\p{Ll})(?=\p{Lu})|[^\p{L}\p{N}]/u)
    .map(plain)
    .filter((word) => word !== '');
}

function withoutSharedEnd(own: readonly string[], other: readonly string[]): [string, string] {
  let shared = 0;
  while (shared < Math.min(own.length, other.length) - 1 && own.at(-1 - shared) === other.at(-1 - shared))
    shared += 1;
  const rest = (words: readonly string[]) => words.slice(0, words.length - shared).join('');
  return [rest(own), rest(other)];
}

/** `jwks_uri`, `jwks-uri` and `JwksURI` are spellings of `jwksUri`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/**
 * Damerau's distance in its restricted form (optimal string alignment): insertions, deletions, substitutions, and two
 * neighbours swapped count one each. Three rows at a time.
 */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const insertion = (current[column - 1] ?? 0) + 1;
      const deletion = (previous[column] ?? 0) + 1;
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swap = isSwapped ? (beforePrevious[column - 2] ?? Infinity) + 1 : Infinity;
      current.push(Math.min(substitution, insertion, deletion, swap));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
