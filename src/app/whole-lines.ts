/** Puts the pieces of a stream together again as whole lines. */

/** Calls `onLines` with one line or several, each with its end. A rest without an end is kept back, for ever at the last. */
export function wholeLines(onLines: (lines: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const end = text.lastIndexOf('\n') + 1;
    const lines = end === 0 ? '' : rest + text.slice(0, end);
    rest = end === 0 ? rest + text : text.slice(end);
    if (lines !== '') onLines(lines);
  };
}
