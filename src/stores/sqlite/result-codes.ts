/** SQLite's result codes (sqlite.org/rescode.html) as the errors that a store throws. */
import { StoreUnavailableError } from '../../tokens/store.ts';
import { duplicate } from '../duplicates.ts';
import type { Failure } from './protocol.ts';

const CONSTRAINT_PRIMARYKEY = 1555;
const CONSTRAINT_UNIQUE = 2067;
/** The low byte of an extended code. */
const PRIMARY_MASK = 0xff;

const BUSY = 5;
const FULL = 13;

/** What no statement is at fault for: the file, the disk, the system, another process. */
const UNAVAILABLE: ReadonlyMap<number, string> = new Map([
  [BUSY, 'is locked by another process'],
  [6, 'is locked'],
  [7, 'needs more memory than there is'],
  [8, 'cannot be written'],
  [9, 'was interrupted'],
  [10, 'cannot be read or written'],
  [11, 'is damaged'],
  [FULL, 'has no room left'],
  [14, 'cannot be opened'],
  [15, 'broke its locking protocol'],
  [22, 'needs what the system does not have'],
  [23, 'refused access'],
  [26, 'is no SQLite database'],
]);

/** Another process writes: it may be over in a moment. */
export function isBusy({ code }: Failure): boolean {
  return code !== null && (code & PRIMARY_MASK) === BUSY;
}

/** Failures after which an open file is as good as before. After others it is opened again. */
export function leavesFileUsable({ code }: Failure): boolean {
  const primary = (code ?? 0) & PRIMARY_MASK;
  return code !== null && (!UNAVAILABLE.has(primary) || primary === BUSY || primary === FULL);
}

/** The database failed, not the statement. */
export function isUnavailable({ code }: Failure): boolean {
  return code === null || UNAVAILABLE.has(code & PRIMARY_MASK);
}

/** A DuplicateError, a StoreUnavailableError, or an Error: the statement is wrong. */
export function errorOf({ code, message }: Failure): Error {
  if (code === null) return new StoreUnavailableError(`The SQLite thread failed: ${message}`);
  if (code === CONSTRAINT_UNIQUE || code === CONSTRAINT_PRIMARYKEY)
    return duplicate(message.replace(/^.*constraint failed: /, ''));
  const reason = UNAVAILABLE.get(code & PRIMARY_MASK);
  return reason === undefined
    ? new Error(`SQLite ${code}: ${message}`)
    : new StoreUnavailableError(`The SQLite database ${reason} (code ${code})`);
}
