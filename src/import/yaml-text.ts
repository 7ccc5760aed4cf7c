/** Writes settings as YAML with comments. Text of the imported file is always data: it names no environment variable. */
import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import type { LeftOut } from './imported.ts';

type Plain = string | number | boolean;

export interface Settings {
  readonly [key: string]: Setting | Noted | undefined;
}

export type Setting = Plain | Settings | readonly (Plain | Settings)[];

/** A setting with a comment. */
export class Noted {
  readonly setting: Setting;
  readonly comment: string;

  constructor(setting: Setting, comment: string) {
    this.setting = setting;
    this.comment = comment;
  }
}

/** Text of the file, as it is: `$` begins a reference in our format (`$$` stands for one). */
export function literal(text: string): string {
  return text.replaceAll('$', () => '$$');
}

/** What the file cannot say: the operator sets it where the gateway runs. */
export function fromEnvironment(name: string, fallback?: string): string {
  return fallback === undefined ? `\${${name}}` : `\${${name}:-${fallback}}`;
}

/** `head`: comment lines at the top. What was left out is listed at the end. */
export function writeYaml(head: string, settings: Settings, leftOut: readonly LeftOut[]): string {
  const document = new Document(mapOf(settings));
  document.commentBefore = commentText(head);
  if (leftOut.length > 0)
    document.comment = commentText(
      ['Not carried over:', ...leftOut.map(({ path, reason }) => `  ${path}: ${reason}`)].join('\n'),
    );
  return document.toString({ lineWidth: 0 });
}

function commentText(text: string): string {
  return text.replace(/^/gm, ' ');
}

function mapOf(settings: Settings): YAMLMap {
  const map = new YAMLMap();
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const key = new Scalar(name);
    const node = nodeOf(value instanceof Noted ? value.setting : value);
    if (value instanceof Noted) addComment(key, node, value.comment);
    map.items.push(new Pair(key, node));
  }
  return map;
}

/** Behind a value on its line, above a block. */
function addComment(key: Scalar, node: Node, comment: string): void {
  if (node instanceof Scalar) node.comment = commentText(comment);
  else key.commentBefore = commentText(comment);
}

function nodeOf(setting: Setting): Node {
  if (isList(setting)) {
    const list = new YAMLSeq();
    list.items = setting.map((item) => nodeOf(item));
    list.flow = setting.every((item) => typeof item !== 'object');
    return list;
  }
  return typeof setting === 'object' ? mapOf(setting) : new Scalar(setting);
}

function isList(setting: Setting): setting is readonly (Plain | Settings)[] {
  return Array.isArray(setting);
}
