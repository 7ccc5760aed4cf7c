/** From zod's findings to issues with position, in the words of somebody who edits a YAML file. */
import type { z } from 'zod';
import { type ConfigIssue, type ConfigPath, ISSUES_MAX } from './issue.ts';
import type { Source } from './source.ts';
import { didYouMean } from './suggest.ts';
import { offsetOf, type Tree, treeAt } from './yaml.ts';

type Finding = z.core.$ZodIssue;
type JsonSchema = z.core.JSONSchema.BaseSchema;

/** `jsonSchema` says which keys are known where. */
export function configIssuesOf(
  findings: readonly Finding[],
  tree: Tree,
  source: Source,
  jsonSchema: JsonSchema,
): ConfigIssue[] {
  return findings.flatMap((finding) => issuesOf(finding, [], { tree, source, jsonSchema }));
}

interface Context {
  readonly tree: Tree;
  readonly source: Source;
  readonly jsonSchema: JsonSchema;
}

function issuesOf(finding: Finding, base: ConfigPath, context: Context): ConfigIssue[] {
  const path = [...base, ...finding.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const at = (where: ConfigPath, anchor: 'key' | 'value', message: string) =>
    context.source.mistakeAt(offsetOf(context.tree, where, anchor), where, message);
  if (finding.code === 'unrecognized_keys') return unknownKeys(finding.keys, path, context);
  if (finding.code === 'invalid_key') return [at(path, 'key', finding.issues[0]?.message ?? finding.message)];
  if (finding.code === 'invalid_union') {
    const mistakes = mistakesInMeant(finding.errors);
    if (mistakes.length > 0) return mistakes.flatMap((inner) => issuesOf(inner, path, context));
  }
  return [at(path, 'value', messageOf(finding, treeAt(context.tree, path)?.value))];
}

function unknownKeys(
  keys: readonly string[],
  path: ConfigPath,
  { tree, source, jsonSchema }: Context,
): ConfigIssue[] {
  const known = namesAt(jsonSchema, path);
  const rest = Object.keys(treeAt(tree, path)?.value ?? {}).filter((name) => !keys.includes(name));
  return keys.slice(0, ISSUES_MAX).map((key) => {
    const where = [...path, key];
    const offset = offsetOf(tree, where, 'key');
    // `secret:hunter2` is one word to YAML: the name would show the value.
    if (key.includes(':'))
      return source.mistakeAt(offset, path, 'unknown key; is a blank missing after ":"?');
    // Known in another form of the map: `header` and `cookie` are two entries of a list.
    if (known.includes(key) && rest.length > 0)
      return source.mistakeAt(offset, where, `cannot stand beside ${rest.join(', ')}`);
    return source.mistakeAt(offset, where, `unknown key${didYouMean(key, known)}`);
  });
}

/**
 * The branch of a union that the writer meant is about what stands inside, not about the kind of value, and has the
 * fewest mistakes. Where several are as near, only what they agree on; none: the union speaks for itself.
 */
function mistakesInMeant(branches: readonly (readonly Finding[])[]): readonly Finding[] {
  const possible = branches.filter(isAboutContents);
  const fewest = Math.min(...possible.map(({ length }) => length));
  const [first = [], ...others] = possible.filter(({ length }) => length === fewest);
  return first.filter((one) => others.every((other) => other.some((two) => isSame(one, two))));
}

function isSame(one: Finding, other: Finding): boolean {
  return one.code === other.code && one.path.join() === other.path.join();
}

function isAboutContents(errors: readonly Finding[]): boolean {
  return (
    errors.length > 0 &&
    errors.every(({ code, path }) => code !== 'invalid_type' || path.length > 0) &&
    errors.some(({ code, path }) => code === 'unrecognized_keys' || path.length > 0)
  );
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'null',
};

function messageOf(finding: Finding, value: unknown): string {
  if (finding.code === 'custom') return finding.message;
  if (value === undefined) return 'is required';
  if (finding.code === 'invalid_type' && finding.message.startsWith('Invalid input'))
    return `must be ${KINDS[finding.expected] ?? finding.expected}${quotesHint(finding.expected, value)}`;
  if (finding.code === 'invalid_value' && finding.message.startsWith('Invalid'))
    return `must be one of ${finding.values.map(String).join(', ')}${suggestion(value, finding.values)}`;
  if (finding.code === 'too_small' && finding.message.startsWith('Too'))
    return `must be at least ${finding.minimum}`;
  if (finding.code === 'too_big' && finding.message.startsWith('Too'))
    return `must be at most ${finding.maximum}`;
  return finding.message;
}

function quotesHint(expected: string, value: unknown): string {
  const isBare = typeof value === 'number' || typeof value === 'boolean';
  return expected === 'string' && isBare ? `; write "${value}" in quotes` : '';
}

function suggestion(value: unknown, accepted: readonly unknown[]): string {
  return typeof value === 'string' ? didYouMean(value, accepted.map(String)) : '';
}

/** Names of the keys that the schema knows at this path. */
function namesAt(schema: JsonSchema, path: ConfigPath): string[] {
  let level = [schema];
  for (const part of path) level = level.flatMap(alternatives).flatMap((one) => childrenOf(one, part));
  return level.flatMap(alternatives).flatMap((one) => Object.keys(one.properties ?? {}));
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter((one) => typeof one === 'object');
  return inner.length === 0 ? [schema] : inner.flatMap(alternatives);
}

function childrenOf(schema: JsonSchema, part: string | number): JsonSchema[] {
  const child =
    typeof part === 'number' ? schema.items : (schema.properties?.[part] ?? schema.additionalProperties);
  return typeof child === 'object' && !Array.isArray(child) ? [child] : [];
}
