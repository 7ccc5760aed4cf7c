/** docs/configuration.md and the JSON Schema, from the schema of the configuration. */

import {
  type AssertionDefaults,
  PROFILE_DEFAULTS,
  PROFILES,
} from '../../src/config/schema/assertion-profiles.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { formatDurationMs } from '../../src/core/time.ts';
import { code, GENERATED, table } from './markdown.ts';

type Schema = ReturnType<typeof configJsonSchema>;

/** Explained once, under its own heading. */
const EXPLAINED_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['routes[].assertion', 'keys of [assertion](#assertion)'],
  ['routes[].upstream', 'text or keys of [upstreams](#upstreamsname)'],
]);

export function configurationSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

export function configurationMarkdown(): string {
  const schema = configJsonSchema();
  const blocks = properties(schema).filter(([, block]) => isBlock(block));
  const single = properties(schema).filter(([, block]) => !isBlock(block));
  return [
    GENERATED,
    '# Configuration',
    INTRODUCTION,
    '## Top level',
    rowsTable(single.map(([key, value]) => row(key, value, schema.required?.includes(key) ?? false))),
    ...blocks.flatMap(([key, block]) => section(key, block)),
    '## Profiles of the assertion',
    profileTable(),
    '',
  ].join('\n\n');
}

const INTRODUCTION = `One YAML 1.2 file. Unknown keys, duplicate keys, aliases and merge keys are errors; \`countersign check FILE\` prints
them as \`file:line:column: path: message\`: all of one kind at once (form, then what parts say about each other, then keys).
For completion in an editor, begin the file with

\`\`\`yaml
# yaml-language-server: $schema=./countersign.schema.json
\`\`\`

- **Environment.** Texts may hold \`\${NAME}\` and \`\${NAME:-default}\` (also used where NAME is empty); \`$$\` is a plain \`$\`.
  A missing variable is an error. Inside \`{ }\` and \`[ ]\` such a text must stand in quotes. What is put in stays text:
  numbers and true/false cannot come from the environment.
- **Paths** that are relative start at the folder of the configuration file, \`dataDir\` included.
- **Secrets** come from the environment or from \`{file: path}\`; \`check\` warns about secrets that stand in the file.
- **Durations** are \`500ms\`, \`30s\`, \`5m\`, \`24h\`, \`7d\`; **sizes** are \`512B\`, \`16KiB\`, \`1MiB\`.
- **Ids and versions** are text: put them in quotes where they look like numbers.`;

function section(key: string, block: Schema): string[] {
  const { title, inner } = unwrap(key, block);
  return [`## ${title}`, block.description ?? '', rowsTable(flattenInside(inner, '', title))];
}

/** A list of blocks is headed `realms[]`, a map of named blocks `upstreams.<name>`. */
function unwrap(key: string, block: Schema): { title: string; inner: Schema } {
  if (isSchema(block.items)) return { title: `${key}[]`, inner: block.items };
  if (isSchema(block.additionalProperties))
    return { title: `${key}.<name>`, inner: block.additionalProperties };
  return { title: key, inner: block };
}

function isBlock(block: Schema): boolean {
  return nestedOf(unwrap('', block).inner).length > 0;
}

/** Keys of nested maps stand in the table of their block, with a dot. */
function flatten(schema: Schema, prefix: string, title: string, isAlternative = false): string[][] {
  return properties(schema).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    const isRequired = !isAlternative && (schema.required?.includes(key) ?? false);
    const elsewhere = EXPLAINED_ELSEWHERE.get(`${title}.${name}`);
    if (elsewhere !== undefined) return [row(name, { ...value, title: elsewhere }, isRequired)];
    const suffix = value.items === undefined ? '.' : '[].';
    return [row(name, value, isRequired), ...flattenInside(value, `${name}${suffix}`, title)];
  });
}

function flattenInside(schema: Schema, prefix: string, title: string): string[][] {
  return nestedOf(schema).flatMap((one, _index, all) => flatten(one, prefix, title, all.length > 1));
}

/** The maps inside: of the value itself, of its elements, of its alternatives. */
function nestedOf(schema: Schema): Schema[] {
  if (properties(schema).length > 0) return [schema];
  const items = isSchema(schema.items) ? [schema.items] : [];
  return [...alternatives(schema), ...items].flatMap(nestedOf);
}

/** Of a union, also of one that a member tells apart: `store`. */
function alternatives({ anyOf = [], oneOf = [] }: Schema): Schema[] {
  return [...anyOf, ...oneOf].filter(isSchema);
}

function row(name: string, schema: Schema, isRequired: boolean): string[] {
  return [code(name), kindOf(schema), isRequired ? '**required**' : defaultOf(schema), describe(schema)];
}

function rowsTable(rows: string[][]): string {
  return table(['Key', 'Kind', 'Default', 'Meaning'], rows);
}

function describe({ description = '', examples }: Schema): string {
  const shown = Array.isArray(examples) ? examples.map((example) => code(compact(example))) : [];
  return shown.length === 0 ? description : `${description} E.g. ${shown.join(', ')}.`;
}

function defaultOf(schema: Schema): string {
  if (schema.default === undefined || properties(schema).length > 0) return '';
  return code(compact(schema.default));
}

function compact(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

function kindOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.not !== undefined) return '–';
  if (schema.const !== undefined) return code(compact(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(' ');
  if (alternatives(schema).length > 0) return [...new Set(alternatives(schema).map(kindOf))].join(' or ');
  if (isSchema(schema.items)) return `list of ${kindOf(schema.items)}`;
  if (schema.type === 'object') return 'map';
  if (schema.type === 'boolean') return '`true` `false`';
  const types = [schema.type ?? 'any'].flat().map((type) => (type === 'string' ? 'text' : type));
  return types.join(' or ');
}

const PROFILE_ROWS: readonly (readonly [string, (defaults: AssertionDefaults) => unknown])[] = [
  ['issuer', ({ issuer }) => issuer],
  ['ttl', ({ ttlMs }) => formatDurationMs(ttlMs)],
  ['encoding', ({ encoding }) => encoding],
  ['timeUnit', ({ timeUnit }) => timeUnit],
  ['x5t', ({ x5t }) => x5t],
  ['kid', ({ kid }) => kid],
  ['userClaims.multiValue', ({ userClaims }) => userClaims.multiValue],
];

function profileTable(): string {
  const rows = PROFILE_ROWS.map(([key, read]) => [
    code(key),
    ...PROFILES.map((profile) => code(compact(read(PROFILE_DEFAULTS[profile])))),
  ]);
  return `Defaults that depend on \`assertion.profile\`.\n\n${table(['Key', ...PROFILES.map(code)], rows)}`;
}

function properties(schema: Schema): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).filter((entry): entry is [string, Schema] =>
    isSchema(entry[1]),
  );
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
