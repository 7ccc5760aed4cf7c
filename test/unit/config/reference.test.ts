import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationMarkdown, configurationSchema } from '../../../scripts/reference/configuration.ts';
import { errorsMarkdown } from '../../../scripts/reference/errors.ts';
import { configJsonSchema } from '../../../src/config/schema.ts';
import { ERRORS } from '../../../src/core/error-table.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');

type Schema = ReturnType<typeof configJsonSchema>;

const alternativesOf = ({ anyOf = [], oneOf = [] }: Schema) => [...anyOf, ...oneOf];

/** Paths of all properties that a reader would look up. */
function* propertiesOf(schema: Schema, path: string): Generator<[string, Schema]> {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (typeof value !== 'object') continue;
    yield [`${path}.${key}`, value];
    yield* propertiesOf(value, `${path}.${key}`);
  }
  for (const inner of [schema.items, schema.additionalProperties, ...alternativesOf(schema)].flat())
    if (typeof inner === 'object') yield* propertiesOf(inner, `${path}[]`);
}

describe('reference', () => {
  it.each([
    ['config/countersign.schema.json', configurationSchema],
    ['docs/configuration.md', configurationMarkdown],
    ['docs/errors.md', errorsMarkdown],
  ])('%s is up to date (npm run docs)', (path, render) => {
    expect(read(path)).toBe(render());
  });

  it('describes every key of the configuration', () => {
    const silent = [...propertiesOf(configJsonSchema(), '')].filter(
      ([, { description }]) => description === undefined,
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it('shows the keys of each kind of store', () => {
    const [, section = ''] = configurationMarkdown().split('\n## store\n');
    const keys = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \| (`\w+`|text or map)/gm)];
    expect(keys.map(([, key, kind]) => [key, kind])).toEqual([
      ['driver', '`sqlite`'],
      ['driver', '`postgres`'],
      ['url', 'text or map'],
    ]);
  });

  it('accepts no unknown keys anywhere, except where names are free', () => {
    const open = [...propertiesOf(configJsonSchema(), '')]
      .filter(
        ([, { properties, additionalProperties }]) =>
          properties !== undefined && additionalProperties !== false,
      )
      .map(([path]) => path);
    expect(open).toEqual(['.realms[].signingKey[].jwk']);
  });

  it('has a section for every error code', () => {
    for (const code of Object.keys(ERRORS)) expect(errorsMarkdown()).toContain(`\n## ${code}\n`);
  });
});
