/** What is there at once, or has to be waited for. To wait for what is there costs every step a turn of the queue. */

/**
 * What follows from a value: at once where it is there.
 *
 * @throws what `next` throws, where the value is there
 */
export function whenThere<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
