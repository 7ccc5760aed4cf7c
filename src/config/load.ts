/** Reads a configuration file: YAML with positions, environment, schema. All that is wrong is reported at once. */
import { type ConfigIssue, type ConfigPath, inOrder } from './issue.ts';
import { type Config, configJsonSchema, configSchema } from './schema.ts';
import { type ConfigFile, createSource } from './source.ts';
import type { Environment } from './substitute.ts';
import { offsetOf, readYaml, treeAt } from './yaml.ts';
import { configIssuesOf } from './zod-issues.ts';

/** A configuration that meets the schema. Cross checks and files come with compileConfig(). */
export interface LoadedConfig {
  /** As given; relative paths in the file start at its folder. */
  readonly path: string;
  readonly settings: Config;
  /** An issue at a place of the file: at the value, or at what of the path exists. */
  issue(path: ConfigPath, message: string): ConfigIssue;
  /** True where the file itself holds the text: not `${NAME}`. */
  isInline(path: ConfigPath): boolean;
  /** Line of the key, from 1. */
  line(path: ConfigPath): number;
}

/** Never throws for anything that stands in the file. */
export function loadConfig(
  file: ConfigFile,
  environment: Environment,
): { config: LoadedConfig } | { issues: ConfigIssue[] } {
  const source = createSource(file);
  const read = readYaml(file, source, environment);
  if ('issues' in read) return { issues: inOrder(read.issues) };
  const { tree } = read;
  const parsed = configSchema.safeParse(tree.value);
  if (!parsed.success)
    return { issues: inOrder(configIssuesOf(parsed.error.issues, tree, source, configJsonSchema())) };
  const config: LoadedConfig = {
    path: file.path,
    settings: parsed.data,
    issue: (path, message) => source.issueAt(offsetOf(tree, path, 'value'), path, message),
    isInline: (path) => treeAt(tree, path)?.isFromEnvironment === false,
    line: (path) => source.lineAt(offsetOf(tree, path, 'key')),
  };
  return { config };
}
