/**
 * The part of a lambda's run that happens inside of the sandbox. It is handed to the interpreter as text and evaluated
 * before the lambda, so that it keeps the built-in functions as they were. Nothing outside relies on that: whatever
 * comes out is text of bounded length, and is checked like any input.
 */

/** Characters of one console line, and of the text of an error. */
const LINE_MAX_CHARS = 2048;

/**
 * An expression: a function of `report(type, text)` that sets up `console` and gives back `invoke` and `describe`.
 * `Promise` is refused as a result because nobody would wait for it, and what it rejects with would be lost.
 */
export const PRELUDE = `((report) => {
  'use strict';
  const { parse, stringify } = JSON;
  const { freeze, values } = Object;
  const NativePromise = Promise;

  const cut = (text) => text.slice(0, ${LINE_MAX_CHARS});
  const show = (value) => (typeof value === 'string' ? value : (stringify(value) ?? String(value)));
  const describe = (error) =>
    cut(error instanceof Error ? error.name + ': ' + error.message : 'thrown: ' + show(error));
  const writer = (type) => (...values) => report(type, cut(values.map(show).join(' ')));
  globalThis.console = freeze({
    info: writer('Information'),
    log: writer('Information'),
    warn: writer('Error'),
    error: writer('Error'),
    debug: writer('Debug'),
  });

  const deepFreeze = (value) => {
    if (typeof value !== 'object' || value === null) return value;
    values(value).forEach(deepFreeze);
    return freeze(value);
  };
  const invoke = (lambda, argsText, frozenText) => {
    const args = parse(argsText);
    for (const index of parse(frozenText)) deepFreeze(args[index]);
    if (lambda(...args) instanceof NativePromise) throw new TypeError('A lambda must not be async');
    return stringify(args);
  };
  return { invoke, describe };
})`;
