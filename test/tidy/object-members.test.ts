/** A member of an object that people may set has an effect, or its description says that it has none. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiKeySchema } from '../../src/objects/api-key.ts';
import { applicationSchema } from '../../src/objects/application.ts';
import { identityProviderSchema } from '../../src/objects/identity-provider.ts';
import { generateKeySchema, importKeySchema, updateKeySchema } from '../../src/objects/key.ts';
import { lambdaSchema } from '../../src/objects/lambda.ts';
import { metaDataSchema } from '../../src/objects/meta-data.ts';
import { tenantSchema } from '../../src/objects/tenant.ts';
import { registrationSchema, userSchema } from '../../src/objects/user.ts';
import { webhookSchema } from '../../src/objects/webhook.ts';

const SOURCES = join(import.meta.dirname, '../../src');

/** Of an object, and the files that make use of it; where nobody else has members of the same names. */
const OBJECTS: readonly (readonly [string, z.ZodType, readonly string[]])[] = [
  ['apiKey', apiKeySchema, ['tokens/authenticate.ts', 'tokens/objects/api-key*.ts']],
  ['application', applicationSchema, ['tokens/**/*.ts']],
  ['identityProvider', identityProviderSchema, ['identity-providers/*.ts', 'tokens/**/*.ts']],
  ['key to make', generateKeySchema, ['tokens/objects/keys.ts', 'http/api/keys.ts']],
  ['key to take', importKeySchema, ['tokens/objects/keys.ts', 'http/api/keys.ts', 'jwt/token-key.ts']],
  ['key to rename', updateKeySchema, ['http/api/keys.ts']],
  ['lambda', lambdaSchema, ['identity-providers/**/*.ts', 'tokens/objects/lambdas.ts', 'tokens/populate.ts']],
  ['metaData', metaDataSchema, ['tokens/*.ts']],
  ['tenant', tenantSchema, ['tokens/**/*.ts']],
  ['user', userSchema, ['tokens/**/*.ts']],
  ['registration', registrationSchema, ['tokens/**/*.ts', 'identity-providers/*.ts']],
  ['webhook', webhookSchema, ['tokens/events/*.ts', 'tokens/objects/*.ts']],
];

/** Words by which a description says that a member is kept and shown, and no more. */
const SHOWN_ONLY = /has no effect|For people|Free-form JSON of your own|Shown by lookup/;

interface Member {
  readonly path: string;
  readonly name: string;
  readonly isShownOnly: boolean;
}

/** A part of a schema as zod keeps it. */
interface Part {
  readonly type?: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly innerType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
}

function membersOf(schema: z.core.$ZodType, path: string): Member[] {
  const { shape = {}, ...wrapped }: Part = schema._zod.def;
  const inner = [wrapped.innerType, wrapped.element, wrapped.valueType, wrapped.in].filter(
    (part) => part !== undefined,
  );
  const own = Object.entries(shape).flatMap(([name, member]): Member[] => {
    const description = z.globalRegistry.get(member)?.description ?? '';
    const memberPath = `${path}.${name}`;
    return [
      { path: memberPath, name, isShownOnly: SHOWN_ONLY.test(description) },
      ...membersOf(member, memberPath),
    ];
  });
  return [...own, ...inner.flatMap((part) => membersOf(part, path))];
}

function textOf(patterns: readonly string[]): string {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: SOURCES }));
  expect(files.length).toBeGreaterThanOrEqual(patterns.length);
  return files.map((file) => readFileSync(join(SOURCES, file), 'utf8')).join('\n');
}

function idle(schema: z.ZodType, name: string, text: string): string[] {
  return membersOf(schema, name)
    .filter((member) => !member.isShownOnly && !new RegExp(`\\b${member.name}\\b`).test(text))
    .map(({ path }) => path);
}

describe('members of objects', () => {
  it.each(OBJECTS)('of %s are read by someone', (name, schema, patterns) => {
    expect(membersOf(schema, name).length).toBeGreaterThan(0);
    expect(idle(schema, name, textOf(patterns))).toEqual([]);
  });

  it('would be found where nobody reads them', () => {
    const schema = z.strictObject({
      read: z.string(),
      unread: z.array(z.strictObject({ deep: z.string().optional() })).default([]),
      shown: z.string().meta({ description: 'For people.' }),
    });
    expect(idle(schema, 'planted', 'const { read } = planted;')).toEqual([
      'planted.unread',
      'planted.unread.deep',
    ]);
  });
});
