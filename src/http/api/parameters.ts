/** Names and values of a query or a form (`application/x-www-form-urlencoded`), each name once. */
import { CountersignError } from '../../core/errors.ts';

/** The official client writes this where a value was left out. */
const ABSENT = 'undefined';

/** Names of one request. Far more than any operation has. */
const PARAMETERS_MAX = 100;

export interface ParameterOptions {
  /** Takes the value `undefined` for no value. */
  readonly toleratesUndefined: boolean;
}

/** @throws CountersignError bad_request for a repeated name, and for what is no percent-encoded UTF-8 */
export function parseParameters(text: string, options: ParameterOptions): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (text === '') return parameters;
  const pieces = text.split('&').filter((piece) => piece !== '');
  if (pieces.length > PARAMETERS_MAX) throw new CountersignError('bad_request', 'too many parameters');
  for (const piece of pieces) {
    const equals = piece.indexOf('=');
    const name = decode(equals === -1 ? piece : piece.slice(0, equals));
    const value = decode(equals === -1 ? '' : piece.slice(equals + 1));
    if (parameters.has(name)) throw new CountersignError('bad_request', 'a parameter is repeated');
    parameters.set(name, value);
  }
  return options.toleratesUndefined ? present(parameters) : parameters;
}

function present(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...parameters].filter(([, value]) => value !== ABSENT));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new CountersignError('bad_request', 'a parameter is no percent-encoded UTF-8');
  }
}
