/** Reads a configuration file: YAML with positions, environment, schema. All that is wrong is reported at once. */
import { type ConfigIssue, type ConfigPath, formatPath, inOrder } from './issue.ts';
import { type Config, configJsonSchema, configSchema } from './schema.ts';
import { type ConfigFile, createSource } from './source.ts';
import { parsedWithStandIns } from './stand-ins.ts';
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
  /** True where something else stands in the place of what could not be read. */
  isUnread(path: ConfigPath): boolean;
  /** Line of the key, from 1. */
  line(path: ConfigPath): number;
}

/** Why a file is not in order. */
export interface LoadFailure {
  readonly issues: readonly ConfigIssue[];
  /** With stand-ins for values that could not be read, where nothing else is known to be wrong: for further checks alone. */
  readonly rest: LoadedConfig | null;
}

/** Never throws for anything that stands in the file. */
export function loadConfig(
  file: ConfigFile,
  environment: Environment,
): { readonly config: LoadedConfig } | LoadFailure {
  const source = createSource(file);
  const { tree, issues, unread } = readYaml(file, source, environment);
  if (tree === null) return { issues: inOrder(issues), rest: null };
  const loaded = (settings: Config): LoadedConfig => ({
    path: file.path,
    settings,
    issue: (path, message) => source.issueAt(offsetOf(tree, path, 'value'), path, message),
    isInline: (path) => treeAt(tree, path)?.isFromEnvironment === false,
    isUnread: (path) => unread.some((one) => formatPath(one) === formatPath(path)),
    line: (path) => source.lineAt(offsetOf(tree, path, 'key')),
  });
  const parsed = configSchema.safeParse(tree.value);
  if (parsed.success && issues.length === 0) return { config: loaded(parsed.data) };
  const mistakes = configIssuesOf(parsed.error?.issues ?? [], tree, source, configJsonSchema());
  const settings = parsedWithStandIns(tree.value, unread);
  return { issues: withFurther(issues, mistakes), rest: settings === null ? null : loaded(settings) };
}

/** All that is wrong, in the order of the file; of `further` only what does not follow from the first ones. */
export function withFurther(issues: readonly ConfigIssue[], further: readonly ConfigIssue[]): ConfigIssue[] {
  return inOrder([...issues, ...exceptConsequences(further, issues)]);
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
