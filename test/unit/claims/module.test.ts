import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ModuleRetrieverOptions,
  moduleRetriever,
  RetrieverModuleError,
} from '../../../src/claims/module.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import { fakeClock } from '../../support/clock.ts';
import { decodedAssertion, mintingRoute, testKeyring, testMinter } from '../../support/minting.ts';
import { testPrincipal, testRealm, testToken } from '../../support/policy.ts';
import { testKey } from '../../support/tokens.ts';

let directory: string;
let count = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-claims-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A module of the operator; every call gets its own file, as Node loads a file once. */
function moduleFile(source: string): string {
  count += 1;
  const file = join(directory, `retriever-${count}.mjs`);
  writeFileSync(file, source);
  return file;
}

function load(source: string, options: Partial<ModuleRetrieverOptions> = {}) {
  const cache = { ttlMs: 60_000, max: 100 };
  return moduleRetriever({ file: moduleFile(source), cache, clock: fakeClock(), ...options });
}

async function claimsFrom(
  source: string,
  options: Partial<ModuleRetrieverOptions> = {},
  subject = 'test-fusion',
) {
  const retriever = await load(source, options);
  return await retriever.retrieve(testPrincipal({ subject }), testRealm());
}

async function refusal(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof CountersignError ? error.code : `no refusal: ${String(error)}`;
}

const COUNTING = `
  const calls = [];
  export async function init() {
    calls.push('init');
    await new Promise((resolve) => setImmediate(resolve));
    calls.push('ready');
  }
  export function getClaims(endUser) {
    calls.push('getClaims');
    return { calls: [...calls] };
  }
`;

describe('moduleRetriever', () => {
  it('AST-S24 calls init once, and finishes it before the first question, under 50 requests at once', async () => {
    const retriever = await load(COUNTING);
    const users = Array.from({ length: 50 }, (_, index) => testPrincipal({ subject: `user-${index}` }));
    const answers = await Promise.all(users.map(async (user) => retriever.retrieve(user, testRealm())));
    const calls = answers.map(({ claims }) => claims.get('calls') as string[]);
    const all = calls.reduce((longest, one) => (one.length > longest.length ? one : longest));
    expect(all).toEqual(['init', 'ready', ...users.map(() => 'getClaims')]);
  });

  it('tries a failed init again with the next request', async () => {
    const retriever = await load(`
      let isUp = false;
      export function init() { if (!isUp) { isUp = true; throw new Error('down'); } }
      export function getClaims() { return {}; }
    `);
    const ask = async () => retriever.retrieve(testPrincipal(), testRealm());
    expect(await refusal(ask())).toBe('claims_unavailable');
    expect((await ask()).claims.size).toBe(0);
  });

  it('AST-S25 gives the user and keeps the order of a Map', async () => {
    const source = 'export const getClaims = (endUser) => new Map([["b", endUser], ["a", 1]]);';
    const { claims, order } = await claimsFrom(source);
    expect([[...claims], order]).toEqual([
      [
        ['b', 'test-fusion'],
        ['a', 1],
      ],
      'given',
    ]);
  });

  it('AST-S25 the assertion lists the claims in the order of the Map', async () => {
    const retriever = await load('export const getClaims = () => new Map([["b", "2"], ["a", "1"]]);');
    const { minter } = testMinter(await testKeyring([testKey('EdDSA')]));
    const assertion = await minter.mint(testToken(), mintingRoute({ userClaims: { retriever } }));
    expect(decodedAssertion(assertion).texts[1]).toContain(
      '"http://wso2.org/claims/b":"2","http://wso2.org/claims/a":"1"',
    );
  });

  it('gives an object in natural order', async () => {
    expect((await claimsFrom('export const getClaims = () => ({ b: 1, a: 2 });')).order).toBe('natural');
  });

  it('AST-S26 takes the dialect of the user from the module', async () => {
    const source =
      'export const getClaims = () => ({}); export const getDialectURI = (user) => "http://x/" + user;';
    expect((await claimsFrom(source)).dialect).toBe('http://x/test-fusion');
  });

  it('leaves the dialect to the policy where the module has none', async () => {
    expect((await claimsFrom('export const getClaims = () => ({});')).dialect).toBeNull();
  });

  it('takes a default export', async () => {
    const { claims } = await claimsFrom(
      'export default { prefix: "u-", getClaims(user) { return { id: this.prefix + user }; } };',
    );
    expect(claims.get('id')).toBe('u-test-fusion');
  });

  it('tells the realm, and nothing that differs between tokens', async () => {
    const { claims } = await claimsFrom(
      'export const getClaims = (user, context) => ({ realm: context.realm, keys: Object.keys(context) });',
    );
    expect(Object.fromEntries(claims)).toEqual({ realm: 'fusion', keys: ['realm', 'signal'] });
  });

  it.each([
    ['is missing', null],
    ['is no module', 'export const {'],
    ['throws when loaded', 'throw new Error("boom")'],
    ['lacks getClaims', 'export const getclaims = () => ({});'],
    ['has an init that is no function', 'export const init = 1; export const getClaims = () => ({});'],
    ['exports a function by default', 'export default () => ({});'],
  ])('refuses at start a file that %s', async (_what, source) => {
    const loading = source === null ? load('', { file: join(directory, 'missing.mjs') }) : load(source);
    await expect(loading).rejects.toThrow(RetrieverModuleError);
  });

  it.each([
    ['throws', '() => { throw new Error("down"); }'],
    ['rejects', 'async () => { throw new Error("down"); }'],
    ['gives nothing', '() => {}'],
    ['gives a list', '() => []'],
    ['gives undefined', '() => ({ a: undefined })'],
    ['gives a date', '() => ({ a: new Date(0) })'],
    ['gives NaN', '() => ({ a: NaN })'],
    ['gives a function', '() => ({ a: () => 1 })'],
    ['gives a big integer', '() => ({ a: 1n })'],
    ['gives a circle', '() => { const a = {}; a.a = a; return a; }'],
    ['gives a name that is no text', '() => new Map([[1, 1]])'],
    ['never answers', '() => new Promise(() => {})'],
  ])('answers claims_unavailable where the module %s', async (_what, body) => {
    expect(await refusal(claimsFrom(`export const getClaims = ${body};`, { timeoutMs: 50 }))).toBe(
      'claims_unavailable',
    );
  });

  it('answers claims_unavailable where the dialect is no text', async () => {
    const source = 'export const getClaims = () => ({}); export const getDialectURI = () => 1;';
    expect(await refusal(claimsFrom(source))).toBe('claims_unavailable');
  });

  it('aborts the signal when the time is up', async () => {
    const retriever = await load(
      `let aborted = false;
       export function getClaims(user, { signal }) {
         if (user === 'asks') return { aborted };
         signal.addEventListener('abort', () => { aborted = true; });
         return new Promise(() => {});
       }`,
      { timeoutMs: 20 },
    );
    await refusal(Promise.resolve(retriever.retrieve(testPrincipal({ subject: 'waits' }), testRealm())));
    const { claims } = await retriever.retrieve(testPrincipal({ subject: 'asks' }), testRealm());
    expect(claims.get('aborted')).toBe(true);
  });

  it('copies what it got: the module cannot change it afterwards', async () => {
    const retriever = await load(`
      const claims = { list: ['a'] };
      export function getClaims() { setImmediate(() => claims.list.push('b')); return claims; }
    `);
    const { claims } = await retriever.retrieve(testPrincipal(), testRealm());
    await new Promise((resolve) => setImmediate(resolve));
    expect(claims.get('list')).toEqual(['a']);
  });

  it('carries a member named __proto__ as a member', async () => {
    const { claims } = await claimsFrom(
      'export const getClaims = () => ({ a: JSON.parse(`{"__proto__":{"x":1}}`) });',
    );
    expect(JSON.stringify(claims.get('a'))).toBe('{"__proto__":{"x":1}}');
  });
});

describe('ModuleRetriever memory', () => {
  const SOURCE = 'let count = 0; export const getClaims = () => ({ count: ++count });';

  it('AST-P51 asks once for 100 requests of one user', async () => {
    const retriever = await load(SOURCE);
    let last: unknown;
    for (let request = 0; request < 100; request += 1) {
      last = (await retriever.retrieve(testPrincipal(), testRealm())).claims.get('count');
    }
    expect(last).toBe(1);
  });

  it('AST-P51 asks again after clear, and tells that what was made before is old', async () => {
    const retriever = await load(SOURCE);
    await retriever.retrieve(testPrincipal(), testRealm());
    retriever.clear();
    const { claims } = await retriever.retrieve(testPrincipal(), testRealm());
    expect([claims.get('count'), retriever.generation]).toEqual([2, 1]);
  });

  it('knows the same subject of another realm as somebody else', async () => {
    const retriever = await load('export const getClaims = (user, { realm }) => ({ realm });');
    await retriever.retrieve(testPrincipal(), testRealm());
    const { claims } = await retriever.retrieve(testPrincipal(), testRealm({ name: 'other' }));
    expect(claims.get('realm')).toBe('other');
  });
});

describe('examples/claims-retriever', () => {
  const file = join(import.meta.dirname, '../../../examples/claims-retriever/directory.ts');

  it('reads the attributes of its users', async () => {
    const { claims, dialect } = await claimsFrom('', { file });
    expect([claims.get('department'), dialect]).toEqual(['Engineering', 'http://wso2.org/claims']);
  });

  it('knows no attributes of strangers', async () => {
    expect((await claimsFrom('', { file }, 'stranger')).claims.size).toBe(0);
  });
});
