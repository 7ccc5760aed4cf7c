/** Refusals and failures as errors: each has a code of the table, and everything thrown can be made one. */
import { ERRORS, type ErrorRow } from './error-table.ts';

export type ErrorCode = keyof typeof ERRORS;

/** The row of a code, widened: optional members are readable on every code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERRORS[code];
}

export interface ErrorOptions {
  /** Safe to show to the client: the name of a required claim, scope or role. Never a value from the token. */
  readonly parameter?: string;
  /** What to wait before a retry, in seconds, where the code is retryable. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** From here on a status says that we, or what is behind us, failed. */
const STATUS_OF_FAILURES = 500;

/** A refusal or failure with its code. `message` is for the operator and never reaches a client. */
export class CountersignError extends Error {
  override readonly name = 'CountersignError';
  readonly code: ErrorCode;
  readonly parameter: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    // A refusal is an answer and no defect: who sends thousands shall not have us walk the stack for each.
    const limit = Error.stackTraceLimit;
    if (ERRORS[code].status < STATUS_OF_FAILURES) Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = limit;
    this.code = code;
    this.parameter = options.parameter;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Anything thrown, as a CountersignError: what is not one already is `internal_error`. Never throws. */
export function toCountersignError(thrown: unknown): CountersignError {
  try {
    if (thrown instanceof CountersignError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new CountersignError('internal_error', message, { cause: thrown });
  } catch {
    // A hook may throw what cannot be shown: an object without prototype, a revoked proxy, a throwing getter.
    return new CountersignError('internal_error', 'something was thrown that has no text');
  }
}
