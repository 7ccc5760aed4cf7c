/** Did you mean: the nearest known name for a misspelt one. */

/** Longer names are never compared: the cost grows with the product of the lengths. */
const NAME_CHARACTERS_MAX = 64;

/** ` (did you mean "issuer"?)`, or nothing where no candidate is near. Goes behind a message. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === null ? '' : ` (did you mean "${nearest}"?)`;
}

/** The candidate with the smallest edit distance, at most a third of the name; another spelling of one wins. */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  if (name.length > NAME_CHARACTERS_MAX) return null;
  const distanceMax = Math.max(1, Math.floor(name.length / 3));
  let nearest: string | null = null;
  let nearestDistance = distanceMax + 1;
  for (const candidate of candidates) {
    if (candidate.length > NAME_CHARACTERS_MAX) continue;
    const distance = plain(candidate) === plain(name) ? 0 : editDistance(plain(name), plain(candidate));
    if (distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
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
