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
  const { tree, issues } = readYaml(file, source, environment);
  if (tree === null) return { issues: inOrder(issues) };
  const parsed = configSchema.safeParse(tree.value);
  if (!parsed.success || issues.length > 0) {
    const found = parsed.error?.issues ?? [];
    const mistakes = configIssuesOf(found, tree, source, configJsonSchema());
    return { issues: inOrder([...issues, ...exceptConsequences(mistakes, issues)]) };
  }
  const config: LoadedConfig = {
    path: file.path,
    settings: parsed.data,
    issue: (path, message) => source.issueAt(offsetOf(tree, path, 'value'), path, message),
    isInline: (path) => treeAt(tree, path)?.isFromEnvironment === false,
    line: (path) => source.lineAt(offsetOf(tree, path, 'key')),
  };
  return { config };
}

/** A value that could not be read is no second mistake, nor is the block that misses it. */
function exceptConsequences(mistakes: readonly ConfigIssue[], unread: readonly ConfigIssue[]): ConfigIssue[] {
  return mistakes.filter(
    ({ path }) => path === '' || !unread.some((one) => isWithin(one.path, path) || isWithin(path, one.path)),
  );
}

/** True for `realms[0].issuer` within `realms[0]`, and for a path within itself. */
function isWithin(path: string, outer: string): boolean {
  return path.startsWith(outer) && /^(?:$|[.[])/.test(path.slice(outer.length));
}
