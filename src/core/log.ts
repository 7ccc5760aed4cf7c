/** What a room may say to the operator. The message is a constant sentence; what varies stands in the fields. */

export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** Never given a token, a key, a secret or a claim value other than the subject. Implemented in telemetry/log.ts. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Degraded, or allowed by an option that weakens a check. */
  warn(message: string, fields?: LogFields): void;
  /** The operator must act. */
  error(message: string, fields?: LogFields): void;
}
