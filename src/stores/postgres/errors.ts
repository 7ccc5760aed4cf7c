/** PostgreSQL's SQLSTATEs (appendix A of its manual) as the errors that a store throws. Its words may hold values: they stay out. */
import { StoreUnavailableError } from '../../tokens/store.ts';
import { TooLargeError } from '../../tokens/too-large.ts';
import { duplicate } from '../duplicates.ts';

const UNIQUE_VIOLATION = '23505';
/** program_limit_exceeded: a row of an index has at most 2704 bytes. */
const LIMIT_EXCEEDED = '54000';
/** serialization_failure, deadlock_detected: the same work may do better. */
const RETRYABLE = ['40001', '40P01'];
/**
 * Classes: connection, authorization, database name, rolled back, resources (53100: disk full), operator (57014:
 * timeout, 57P01: shutdown), system, damaged; 25006: a standby, 25P03 and 55P03: timeouts.
 */
const UNAVAILABLE = /^(?:08|28|3D|40|53|57|58|XX00|25006|25P03|25P04|55P03)/;

function sqlStateOf(error: unknown): string | null {
  const isServers =
    error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
  return isServers ? String(error.code) : null;
}

export function isRetryable(error: unknown): boolean {
  return RETRYABLE.includes(sqlStateOf(error) ?? '');
}

/** Whether the connection can be used again: the server answered, and did not say goodbye. */
export function leavesConnectionUsable(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && !/^(?:08|57P|25P03|25P04|XX)/.test(state);
}

/** A DuplicateError, a TooLargeError, a StoreUnavailableError, or an Error: the statement is wrong. */
export function errorOf(error: unknown): Error {
  const state = sqlStateOf(error);
  if (state === null) return unreachable(error);
  if (state === UNIQUE_VIOLATION) return duplicate(constraintOf(error));
  if (state === LIMIT_EXCEEDED)
    return new TooLargeError(`PostgreSQL cannot hold a value (SQLSTATE ${state})`);
  return UNAVAILABLE.test(state)
    ? new StoreUnavailableError(`PostgreSQL cannot do it now (SQLSTATE ${state})`)
    : new Error(`PostgreSQL refused a statement (SQLSTATE ${state})`);
}

/** Nothing came from the server: the network's word for it is in `code`, or in the driver's constant sentences. */
function unreachable(error: unknown): StoreUnavailableError {
  const { code, message } =
    error instanceof Error
      ? { code: undefined, ...error, message: error.message }
      : { code: undefined, message: '' };
  const reason = typeof code === 'string' ? code : message;
  return new StoreUnavailableError(`PostgreSQL cannot be reached: ${reason}`);
}

function constraintOf(error: unknown): string {
  const hasName = error instanceof Error && 'constraint' in error && typeof error.constraint === 'string';
  return hasName ? String(error.constraint) : 'a name';
}
