/** What the parts of compileConfig() share: the configuration, its findings, its files. */
import { dirname, resolve } from 'node:path';
import type { ClaimsRetriever } from '../../core/assertion.ts';
import type { ConfigIssue, ConfigPath } from '../issue.ts';
import type { LoadedConfig } from '../load.ts';

/** Where claims about callers come from; never `none`. */
export type RetrieverSpec =
  | { readonly kind: 'token' }
  | {
      /** Users of the token service; beside it the claims of the token or not. */
      readonly kind: 'store' | 'token+store';
      readonly cache: { readonly ttlMs: number; readonly max: number };
    }
  | {
      readonly kind: 'module';
      /** Absolute path. */
      readonly file: string;
      readonly cache: { readonly ttlMs: number; readonly max: number };
    };

/** The outside world, given by the composition root. Paths are absolute. */
export interface CompileDependencies {
  /** That this process may use; at least 1. */
  readonly processors: number;
  /** @throws Error where the file cannot be read. */
  readFile(path: string): Uint8Array;
  /** True where other users of the machine may read the file. */
  isReadableByOthers(path: string): boolean;
  /** Called once for each distinct spec. @throws Error where it cannot be had: becomes an issue. */
  retrieverFor(spec: RetrieverSpec): ClaimsRetriever;
}

export interface CompileContext {
  readonly config: LoadedConfig;
  readonly dependencies: CompileDependencies;
  readonly issues: ConfigIssue[];
  readonly warnings: ConfigIssue[];
  /** Something the configuration must not say. */
  refuse(path: ConfigPath, message: string): void;
  /** Something that weakens a check, or is probably not meant. */
  warn(path: ConfigPath, message: string): void;
  /** An absolute path; relative ones start at the folder of the configuration file. */
  resolvePath(path: string): string;
  /** Null after refusing: the file cannot be read, or is no UTF-8. */
  readText(file: string, path: ConfigPath): string | null;
  /** The same, with a warning where others may read it. */
  readSecretText(file: string, path: ConfigPath): string | null;
}

export function createContext(config: LoadedConfig, dependencies: CompileDependencies): CompileContext {
  const folder = dirname(resolve(config.path));
  const context: CompileContext = {
    config,
    dependencies,
    issues: [],
    warnings: [],
    refuse: (path, message) => void context.issues.push(config.issue(path, message)),
    warn: (path, message) => void context.warnings.push(config.issue(path, message)),
    resolvePath: (path) => resolve(folder, path),
    readText: (file, path) => readText(context, file, path),
    readSecretText: (file, path) => {
      const text = readText(context, file, path);
      if (text !== null && dependencies.isReadableByOthers(context.resolvePath(file)))
        context.warn(path, 'other users of this machine may read the file; chmod 600 it');
      return text;
    },
  };
  return context;
}

function readBytes(context: CompileContext, file: string, path: ConfigPath): Uint8Array | null {
  const absolute = context.resolvePath(file);
  try {
    return context.dependencies.readFile(absolute);
  } catch (error) {
    const cause = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    context.refuse(path, `the file ${absolute} cannot be read: ${cause}`);
    return null;
  }
}

function readText(context: CompileContext, file: string, path: ConfigPath): string | null {
  const bytes = readBytes(context, file, path);
  if (bytes === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    context.refuse(path, 'the file is no UTF-8 text');
    return null;
  }
}
