/** Configurations as tests write them: text in, compiled snapshot or formatted issues out. Files come from a table. */

import { type CompileDependencies, type Compiled, compileConfig } from '../../src/config/compile.ts';
import type { ConfigIssue } from '../../src/config/issue.ts';
import { loadConfig, withFurther } from '../../src/config/load.ts';
import type { ClaimsRetriever } from '../../src/core/assertion.ts';

/** Relative paths of the configurations start here. Nothing is read from the disk. */
export const CONFIG_FOLDER = '/etc/countersign';

export interface TestConfigOptions {
  /** File name in CONFIG_FOLDER; `countersign.yaml` unless told. */
  readonly name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Contents by absolute path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Absolute paths that other users may read. */
  readonly readableByOthers?: readonly string[];
  readonly retrieverFor?: CompileDependencies['retrieverFor'];
  /** 4 unless told. */
  readonly processors?: number;
}

export type ReadResult = { compiled: Compiled } | { issues: ConfigIssue[] };

export function readConfig(text: string, options: TestConfigOptions = {}): ReadResult {
  const path = `${CONFIG_FOLDER}/${options.name ?? 'countersign.yaml'}`;
  const loaded = loadConfig({ path, text }, options.environment ?? {});
  if ('config' in loaded) return compileConfig(loaded.config, dependencies(options));
  const further = loaded.rest === null ? null : compileConfig(loaded.rest, dependencies(options));
  return {
    issues: withFurther(loaded.issues, further !== null && 'issues' in further ? further.issues : []),
  };
}

/** @throws Error with the issues where there are any */
export function compiledConfig(text: string, options: TestConfigOptions = {}): Compiled {
  const result = readConfig(text, options);
  if ('compiled' in result) return result.compiled;
  throw new Error(result.issues.map(({ line, path, message }) => `${line}: ${path}: ${message}`).join('\n'));
}

/** `line:column path: message` of each issue; empty for a good configuration. */
export function issuesOf(text: string, options: TestConfigOptions = {}): string[] {
  const result = readConfig(text, options);
  return 'issues' in result ? result.issues.map(shortIssue) : [];
}

export function warningsOf(text: string, options: TestConfigOptions = {}): string[] {
  return compiledConfig(text, options).warnings.map(shortIssue);
}

function shortIssue({ line, column, path, message }: ConfigIssue): string {
  return `${line}:${column} ${path === '' ? '' : `${path}: `}${message}`;
}

function dependencies(options: TestConfigOptions): CompileDependencies {
  const files = new Map(Object.entries(options.files ?? {}));
  return {
    processors: options.processors ?? 4,
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return typeof text === 'string' ? new TextEncoder().encode(text) : text;
    },
    isReadableByOthers: (path) => options.readableByOthers?.includes(path) ?? false,
    retrieverFor: options.retrieverFor ?? ((spec) => namedRetriever(spec.kind)),
  };
}

function namedRetriever(name: string): ClaimsRetriever {
  return { name, retrieve: () => ({ dialect: null, claims: new Map(), order: 'natural' }) };
}
