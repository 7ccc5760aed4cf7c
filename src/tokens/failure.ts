/** How a call to the token service fails: a status, FusionAuth's Errors JSON for what the caller can mend, a reason for the operator. */

/** One complaint. `code` has the form `[what]field`. */
export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
}

/** FusionAuth's Errors JSON. */
export interface Errors {
  readonly fieldErrors?: Readonly<Record<string, readonly ErrorEntry[]>>;
  readonly generalErrors?: readonly ErrorEntry[];
}

export type FailureStatus = 400 | 401 | 403 | 404 | 409 | 410 | 429 | 500 | 503 | 504;

/** From here on a status says that we failed. */
const STATUS_OF_FAILURES = 500;

export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: FailureStatus;
  /** Null: the answer has no body. */
  readonly errors: Errors | null;

  /** `reason` is for log and event log: it names no token, key or secret. */
  constructor(status: FailureStatus, reason: string, errors: Errors | null = null) {
    // A refusal is an answer and no defect: who sends thousands shall not have us walk the stack for each.
    const limit = Error.stackTraceLimit;
    if (status < STATUS_OF_FAILURES) Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = limit;
    this.status = status;
    this.errors = errors;
  }
}

/** 400 that names the field: `fieldErrors["application.name"] = [{code: "[blank]application.name", message}]`. */
export function badField(field: string, what: string, message: string): ServiceError {
  return new ServiceError(400, `${field}: ${message}`, {
    fieldErrors: { [field]: [{ code: `[${what}]${field}`, message }] },
  });
}

/** 400 that names no field. `code` in brackets: `[TenantIdRequired]`. */
export function badRequest(code: string, message: string): ServiceError {
  return new ServiceError(400, message, { generalErrors: [{ code, message }] });
}

/** 401 without a body: alike for every cause. */
export function unauthorized(reason: string): ServiceError {
  return new ServiceError(401, reason);
}

/** 404 without a body. */
export function notFound(what: string): ServiceError {
  return new ServiceError(404, `No such ${what}`);
}
