/** Strict YAML 1.2 into plain values with positions. What YAML lets two readers understand differently is refused. */
import { isAlias, isMap, isScalar, isSeq, type ParsedNode, parseDocument, type Scalar } from 'yaml';
import type { Json } from '../core/json.ts';
import { type ConfigIssue, type ConfigPath, ISSUES_MAX } from './issue.ts';
import type { ConfigFile, Source } from './source.ts';
import { type Environment, isReference, substitute } from './substitute.ts';
import { DEPTH_MAX, refuseBeforeParsing } from './yaml-guard.ts';

/** The longest sensible value is a certificate chain in a JWK. */
const STRING_CHARACTERS_MAX = 64 * 1024;
/** What an object lends to its children, and YAML 1.1's merge key. As a name of a group or claim they only confuse. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', '<<']);

/** A value with the place it stands at. */
export interface Tree {
  readonly value: Json;
  readonly offset: number;
  /** The whole text is one `${NAME}`: what stands in the file is no secret. */
  readonly isFromEnvironment: boolean;
  readonly members: ReadonlyMap<string | number, Member>;
}

export interface Member {
  /** Where the key stands; for elements of a list, where the element stands. */
  readonly keyOffset: number;
  readonly tree: Tree;
}

/** Null where the syntax is not understood. */
export interface ReadYaml {
  readonly tree: Tree | null;
  readonly issues: readonly ConfigIssue[];
  /** Of a tree: values that could not be read. What stands in their places is neither right nor wrong. */
  readonly unread: readonly ConfigPath[];
}

/** The whole file, and everything that is wrong with its syntax, its references to the environment and its numbers. */
export function readYaml(file: ConfigFile, source: Source, environment: Environment): ReadYaml {
  const refusal = refuseBeforeParsing(file.text);
  if (refusal !== null) return notUnderstood([source.mistakeAt(refusal.offset, [], refusal.message)]);
  const document = parseYaml(file.text);
  const syntax = withoutConsequences([...document.errors, ...document.warnings]);
  if (syntax.length > 0)
    return notUnderstood(
      syntax.map(({ code, message, pos: [offset] }) =>
        source.mistakeAt(offset, [], syntaxMessage(code, message, file.text, offset)),
      ),
    );
  if (document.contents === null) return notUnderstood([source.mistakeAt(0, [], 'the file is empty')]);
  const reading: Reading = { source, environment, issues: [], unread: [] };
  const tree = treeOf(document.contents, [], reading);
  return { tree, issues: reading.issues, unread: reading.unread };
}

function notUnderstood(issues: readonly ConfigIssue[]): ReadYaml {
  return { tree: null, issues, unread: [] };
}

/** Keeps what it understood beside its errors. The text has passed refuseBeforeParsing(). */
export function parseYaml(text: string) {
  return parseDocument<ParsedNode>(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    merge: false,
    stringKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: 'error', // 'silent' would also hide that there are more documents
    uniqueKeys: false, // theirs takes seconds for 20 000 keys; addMember() checks in one pass
  });
}

/** After its first error the parser also wonders about each token that it no longer expects. */
function withoutConsequences<T extends { readonly code: string }>(errors: readonly T[]): T[] {
  return errors.filter(({ code }, index) => index === 0 || code !== 'UNEXPECTED_TOKEN').slice(0, ISSUES_MAX);
}

/** The parser's words, but never a name it took from the text (it could be a secret), and with a hint for `${…}`. */
function syntaxMessage(code: string, message: string, text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const line = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd);
  const hint = /\$\{/.test(line) ? ` (inside { } and [ ] a \${…} must stand in quotes)` : '';
  if (code === 'BAD_ALIAS') return `aliases are not supported${hint}`;
  if (code === 'MULTIPLE_DOCS') return 'the file holds more than one document';
  if (code === 'BLOCK_AS_IMPLICIT_KEY' && /: .*: /.test(line))
    return `${message}; put texts with ": " in quotes${hint}`;
  return `${message.replace(/: .*$/s, '')}${hint}`;
}

interface Reading {
  readonly source: Source;
  readonly environment: Environment;
  readonly issues: ConfigIssue[];
  readonly unread: ConfigPath[];
}

type Key = Scalar.Parsed | null;

function treeOf(node: ParsedNode | null, path: ConfigPath, reading: Reading, fallbackOffset = 0): Tree {
  if (node === null) return leaf(null, fallbackOffset);
  const offset = node.range[0];
  const refuse = (message: string): Tree => {
    reading.issues.push(reading.source.mistakeAt(offset, path, message));
    reading.unread.push(path);
    return leaf(null, offset);
  };
  if (path.length > DEPTH_MAX) return refuse(`more than ${DEPTH_MAX} levels of nesting`);
  if (isAlias(node)) return refuse('aliases are not supported: write the value where it is used');
  if (isScalar(node)) return scalarTree(node, reading, refuse);
  const members = new Map<string | number, Member>();
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries())
      members.set(index, elementOf(item, [...path, index], reading, offset));
    return {
      ...leaf(
        [...members.values()].map(({ tree }) => tree.value),
        offset,
      ),
      members,
    };
  }
  if (!isMap<Key, ParsedNode | null>(node)) return refuse('is neither a value, a list nor a map');
  for (const { key, value } of node.items) addMember(members, key, value, path, reading);
  const entries = [...members].map(([name, { tree }]) => [name, tree.value] as const);
  return { ...leaf(Object.fromEntries(entries), offset), members };
}

function leaf(value: Json, offset: number): Tree {
  return { value, offset, isFromEnvironment: false, members: new Map() };
}

function elementOf(item: ParsedNode, path: ConfigPath, reading: Reading, offset: number): Member {
  const tree = treeOf(item, path, reading, offset);
  return { keyOffset: tree.offset, tree };
}

function addMember(
  members: Map<string | number, Member>,
  key: Key,
  value: ParsedNode | null,
  path: ConfigPath,
  reading: Reading,
): void {
  const name = String(key?.value ?? '');
  const keyOffset = key?.range[0] ?? 0;
  const tree = treeOf(value, [...path, name], reading, keyOffset);
  const first = members.get(name);
  const problem = FORBIDDEN_KEYS.has(name)
    ? 'this key is not allowed'
    : first !== undefined
      ? `the key stands here twice, first in line ${reading.source.lineAt(first.keyOffset)}`
      : null;
  if (problem === null) members.set(name, { keyOffset, tree });
  else reading.issues.push(reading.source.mistakeAt(keyOffset, [...path, name], problem));
}

function scalarTree(node: Scalar.Parsed, reading: Reading, refuse: (message: string) => Tree): Tree {
  const { value, source } = node;
  const offset = node.range[0];
  if (typeof value === 'number') {
    if (String(value) !== source)
      return refuse(
        'this number would change by being read, as 012 becomes 12; put it in quotes where it is text',
      );
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      return refuse('this integer loses precision; put it in quotes');
  }
  if (typeof value !== 'string') return leaf(value as Json, offset);
  if (value.length > STRING_CHARACTERS_MAX)
    return refuse(`the text is longer than ${STRING_CHARACTERS_MAX} characters`);
  const { text, problems } = substitute(value, reading.environment);
  for (const problem of problems) refuse(problem);
  return { ...leaf(text, offset), isFromEnvironment: isReference(value) };
}

/** Where the path, or as much of it as exists, stands: the key for a value that is missing or unwanted. */
export function offsetOf(tree: Tree, path: ConfigPath, wanted: 'key' | 'value'): number {
  let offset = tree.offset;
  let current = tree;
  for (const [index, part] of path.entries()) {
    const member = current.members.get(part);
    if (member === undefined) return offset;
    const isLast = index === path.length - 1;
    offset = isLast && wanted === 'value' ? member.tree.offset : member.keyOffset;
    current = member.tree;
  }
  return offset;
}

/** What stands at the path; undefined where nothing does. */
export function treeAt(tree: Tree, path: ConfigPath): Tree | undefined {
  let current: Tree | undefined = tree;
  for (const part of path) current = current?.members.get(part)?.tree;
  return current;
}
