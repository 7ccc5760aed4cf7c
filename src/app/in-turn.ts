/** Tasks that must not overlap run one after another, in the order in which they were given. */

/** The returned function resolves, or rejects, as its task does; a failure stops nobody behind it. */
export function createTurns(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task);
    last = run.catch(() => {});
    return run;
  };
}
