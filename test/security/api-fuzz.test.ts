/** Any request to any operation of the API: an answer that is declared, never a defect, and nothing of the keys in it. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
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

/** A body of the operation's shape, with anything in the place of its members. */
function bodyFor({ request: { body } }: Operation): fc.Arbitrary<unknown> {
  const members = body !== undefined && 'shape' in body ? Object.keys(body.shape as object) : [];
  const shaped = fc.record(Object.fromEntries(members.map((name) => [name, json])), { requiredKeys: [] });
  return fc.oneof({ arbitrary: shaped, weight: 4 }, { arbitrary: json, weight: 1 });
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
    auth: fc.constantFrom(KEY, `Bearer ${token}`, 'Bearer x', undefined),
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
        expect(text).not.toMatch(/PRIVATE KEY|sealedPrivateKey|passwordHash|keyHash|\$scrypt\$/);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it('still serves', async () => {
    expect((await api.call('GET', '/.well-known/jwks.json')).status).toBe(200);
  });
});
