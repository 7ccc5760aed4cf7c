/** Any request to any operation of the API: an answer that is declared, never a defect, and nothing of the keys in it. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { openApiDocument } from '../../src/http/api/openapi.ts';
import type { Operation } from '../../src/http/api/operation.ts';
import { OPERATIONS } from '../../src/http/api/operations.ts';
import { startApi } from '../support/api.ts';
import { IDP1 } from '../support/identity-provider.ts';
import { APP_A, K_RS, KEY, loginTo, TEN1, U1 } from '../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());
const { token } = await loginTo(api.service, APP_A);

/** Raise it by hand for a longer search. */
const RUNS = Number(process.env['API_FUZZ_RUNS'] ?? 600);

const ids = fc.constantFrom(U1, APP_A, TEN1, IDP1, K_RS, '99999999-9999-4999-8999-999999999999');
const scalar = fc.oneof(
  ids,
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(
    null,
    '',
    'undefined',
    'u1@acme.com',
    '__proto__',
    'constructor',
    '\0',
    '*',
    'a'.repeat(5000),
  ),
);
/** Member names that some schema knows: what is dropped unread finds nothing. */
const NAMES = [...JSON.stringify(openApiDocument(OPERATIONS, '')).matchAll(/"(\w+)":\{/g)].map(
  ([, name = '']) => name,
);
const names = fc.oneof(fc.constantFrom(...new Set(NAMES)), fc.constantFrom('__proto__', 'constructor', 'x'));

const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: fc.dictionary(names, tie('value'), { maxKeys: 8 }),
}));

/** What fits a schema more often than not: known members, texts that mean something, and now and then anything. */
function fitting(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const { def } = schema._zod;
  if ('innerType' in def) return fitting(def.innerType as z.core.$ZodType);
  if ('shape' in def) {
    const members = Object.entries(def.shape as Record<string, z.core.$ZodType>);
    return fc.record(Object.fromEntries(members.map(([name, member]) => [name, mostly(fitting(member))])), {
      requiredKeys: [],
    });
  }
  if (def.type === 'enum') return fc.constantFrom(...Object.values((def as z.core.$ZodEnumDef).entries));
  if (def.type === 'boolean') return fc.boolean();
  if (def.type === 'number') return fc.integer({ min: 0, max: 10_000 });
  return def.type === 'string' ? fc.oneof(ids, fc.emailAddress(), fc.string({ minLength: 1 })) : json;
}

function mostly(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary, weight: 9 }, { arbitrary: json, weight: 1 });
}

function bodyFor({ request: { body } }: Operation): fc.Arbitrary<unknown> {
  return body === undefined ? json : mostly(fitting(body));
}

const requests = fc.constantFrom(...OPERATIONS).chain((operation) =>
  fc.record({
    operation: fc.constant(operation),
    params: fc.array(fc.oneof({ arbitrary: ids, weight: 4 }, fc.string({ unit: 'binary' })), {
      minLength: 2,
      maxLength: 2,
    }),
    query: fc.dictionary(names, fc.oneof(ids, fc.string({ unit: 'binary' })), { maxKeys: 3 }),
    body: bodyFor(operation),
    auth: fc.constantFrom(...Array<string>(7).fill(KEY), `Bearer ${token}`, 'Bearer x', undefined),
    type: fc.constantFrom(
      'application/json',
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
    ),
  }),
);

describe('the API', () => {
  it('answers any request as declared, and never with a defect (D06)', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async ({ operation, params, query, body, auth, type }) => {
        const rest = [...params];
        const path = operation.path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(rest.pop() ?? ''));
        const { status, text } = await api.call(operation.method, `${path}?${new URLSearchParams(query)}`, {
          ...(auth === undefined ? {} : { auth }),
          ...(operation.method === 'GET'
            ? {}
            : { text: JSON.stringify(body) ?? '', headers: { 'Content-Type': type } }),
        });
        expect(status, `${operation.method} ${path} ${api.log.at(-1)}`).not.toBe(500);
        expect(text).not.toMatch(/PRIVATE KEY|sealedPrivateKey|signedFor|passwordHash|keyHash|\$scrypt\$/);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it('still serves', async () => {
    expect((await api.call('GET', '/.well-known/jwks.json')).status).toBe(200);
  });
});
