/** What an importer gives: a configuration as text, and everything of the file that it does not hold. */

/** A part of the file that is not in the configuration. Values are never shown: they may be secrets. */
export interface LeftOut {
  /** Where it stands in the file, in the notation of the file. */
  readonly path: string;
  readonly reason: string;
}

export interface Imported {
  /** A whole configuration, with comments; ends with a line break. */
  readonly yaml: string;
  readonly leftOut: readonly LeftOut[];
}

/** The file is not what the importer reads. The message is for the operator and holds no value of the file. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

const UNKNOWN = 'not known to countersign';

/** Paths come from a file: no line break and no escape sequence of theirs may reach a comment or a terminal. */
export function leftOut(path: string, reason = UNKNOWN): LeftOut {
  return { path: path.replace(/[^\x20-\x7e]/g, '?'), reason };
}
