/** The log: JSON lines through pino, one access line a request, no field that could hold a token or a key. */
import pino from 'pino';
import type { LogFields, Logger } from '../core/log.ts';
import { accessLine, callLine, memberText } from './access-line.ts';
import { standardOutput } from './log-output.ts';
import { visibleJson } from './visible.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** One answered request. The path comes without its query: queries carry tokens. */
export interface AccessFields {
  readonly request_id: string;
  readonly client_ip: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
  /** Time until the upstream's response head; null where nothing was forwarded. */
  readonly upstream_ms: number | null;
  readonly route: string | null;
  readonly realm: string | null;
  /** Subject of the caller as the backend sees it (`enduser`). */
  readonly user: string | null;
  readonly upstream: string | null;
  readonly decision: 'allow' | 'deny' | 'shadow_deny' | 'none';
  /** Reason code of core/errors.ts; `ok` where the request was let through. */
  readonly reason: string;
  /** The operator's explanation of a refusal or failure. */
  readonly detail: string | null;
  /** Of the response body. */
  readonly bytes: number;
}

/** One answered call of the token service's API. The path comes as declared: it holds no id and no token. */
export interface CallFields {
  readonly request_id: string;
  readonly client_ip: string;
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
  /** Why it was refused or failed, for the operator. */
  readonly reason: string | null;
  /** The client left before the answer. */
  readonly client_gone: boolean;
  readonly response_bytes: number;
}

export interface Log extends Logger {
  access(fields: AccessFields): void;
  call(fields: CallFields): void;
  /** Writes whole lines of another process as they are. */
  relay(lines: string): void;
  /** Writes what is buffered. Call before the process ends. */
  flush(): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Members of every line. */
  readonly members?: Readonly<Record<string, string | number>>;
  /** Called for each line that was not written, because too many were waiting. */
  readonly onLost?: () => void;
  /** Replaces standard output, for tests. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const destination = options.write === undefined ? standardOutput(options.onLost) : { write: options.write };
  const logger = pino(
    {
      level: options.level,
      base: options.members ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: visibleJson },
    },
    destination,
  );
  const members = memberText(options.members ?? {});
  const isAccessLogged = logger.isLevelEnabled('info');
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) =>
      logger[level](fields, message);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    access: (fields) => {
      if (isAccessLogged) destination.write(accessLine(Date.now(), members, fields));
    },
    call: (fields) => {
      if (isAccessLogged) destination.write(callLine(Date.now(), members, fields));
    },
    relay: (lines) => void destination.write(lines),
    flush: () => {
      if ('flushSync' in destination) destination.flushSync();
    },
  };
}
