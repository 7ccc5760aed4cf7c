/** Whatever was thrown, as the answer that the caller gets: FusionAuth's Errors JSON where the caller can mend it, else nothing. */
import { type CountersignError, errorRow, toCountersignError } from '../../core/errors.ts';
import { type ErrorEntry, type Errors, ServiceError } from '../../tokens/failure.ts';
import { DuplicateError, StoreUnavailableError } from '../../tokens/store.ts';
import { TooLargeError } from '../../tokens/too-large.ts';
import type { Answer } from './answer.ts';
import { TooManyCallsError } from './limits.ts';

/** Seconds: a database that restarts is back in a few. */
const STORE_RETRY_AFTER_SECONDS = 5;

const STORE_UNAVAILABLE: Errors = {
  generalErrors: [{ code: '[StoreUnavailable]', message: 'The service cannot reach its database' }],
};

const TOO_LARGE: Errors = {
  generalErrors: [{ code: '[tooLong]', message: 'A value is longer than the database can hold' }],
};

export function failureAnswer(thrown: unknown): Answer {
  if (thrown instanceof ServiceError) return serviceFailure(thrown);
  if (thrown instanceof StoreUnavailableError) return storeUnavailable(thrown.message);
  if (thrown instanceof DuplicateError) return duplicateAnswer(thrown);
  if (thrown instanceof TooLargeError)
    return { status: 400, body: errorsJson(TOO_LARGE), reason: thrown.message };
  return httpFailure(toCountersignError(thrown));
}

function serviceFailure(error: ServiceError): Answer {
  const { status, errors, message } = error;
  if (status === 503 && errors === null) return storeUnavailable(message);
  const body = errors === null ? null : errorsJson(errors);
  if (!(error instanceof TooManyCallsError)) return { status, body, reason: message };
  return { status, body, headers: ['Retry-After', String(error.retryAfterSeconds)], reason: message };
}

function storeUnavailable(reason: string): Answer {
  const headers = ['Retry-After', String(STORE_RETRY_AFTER_SECONDS)];
  return { status: 503, body: errorsJson(STORE_UNAVAILABLE), headers, reason };
}

/** A use case that lets it through has no better name for the field. */
function duplicateAnswer({ what, message }: DuplicateError): Answer {
  const entry = { code: `[duplicate]${what}`, message: 'Something else has it already' };
  return { status: 400, body: errorsJson({ fieldErrors: { [what]: [entry] } }), reason: message };
}

/** Statuses whose body FusionAuth leaves empty, so that nothing can be learnt from it. */
const SILENT: ReadonlySet<number> = new Set([401, 404, 405]);

/** A request that was refused before a use case saw it, or a defect. */
function httpFailure(error: CountersignError): Answer {
  const { title } = errorRow(error.code);
  const { status, code, message, parameter } = error;
  const isSilent = SILENT.has(status) || status >= 500;
  const errors = { generalErrors: [{ code: `[${code}]`, message: title }] };
  const headers = code === 'method_not_allowed' ? ['Allow', parameter ?? ''] : [];
  return { status, body: isSilent ? null : errorsJson(errors), headers, reason: message };
}

function errorsJson({ fieldErrors, generalErrors }: Errors) {
  return {
    ...(fieldErrors === undefined ? {} : { fieldErrors: fieldErrorsJson(fieldErrors) }),
    ...(generalErrors === undefined ? {} : { generalErrors: generalErrors.map(entryJson) }),
  };
}

function fieldErrorsJson(fieldErrors: NonNullable<Errors['fieldErrors']>) {
  return Object.fromEntries(
    Object.entries(fieldErrors).map(([field, entries]) => [field, entries.map(entryJson)]),
  );
}

function entryJson({ code, message }: ErrorEntry) {
  return { code, message };
}
