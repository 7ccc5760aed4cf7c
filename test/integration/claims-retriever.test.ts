/** Retrievers that an operator writes: a module beside the configuration, asked through the whole gateway. */
import { describe, expect, it } from 'vitest';
import { assertionFor, gatewayPerTest, PLACES, partText, t1, wso2 } from '../support/acceptance.ts';
import { fakeClock } from '../support/clock.ts';

const start = gatewayPerTest();

/** Members of the assertion block that name the module; `cache` as YAML. */
function withModule(file = 'users.mjs', cache = '{ ttl: 15m }'): string {
  return `algorithm: EdDSA, userClaims: { retriever: { module: ./${file} }, cache: ${cache} }`;
}

/** The names of the user claims in the order in which they are written. */
function userClaimNames(value: string, dialect: string): string[] {
  const names = [...partText(value, 1).matchAll(/"([^"]*)":/g)].map(([, name = '']) => name);
  return names.filter((name) => name.startsWith(dialect)).slice(6);
}

/** Counts what the gateway asks; `claims` tells the counts. */
const COUNTING = `
let inits = 0;
let questions = 0;
let isReady = false;
export async function init() {
  inits += 1;
  await new Promise((resolve) => setTimeout(resolve, 50));
  isReady = true;
}
export async function getClaims() {
  questions += 1;
  return { inits, questions, isReady };
}
`;

describe('a retriever module', () => {
  it('is initialized once, before the first question, whoever comes first (AST-S24)', async () => {
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': COUNTING } });
    const callers = Array.from({ length: 50 }, (_, index) => t1({ sub: `user-${index}` }));
    const answers = await Promise.all(callers.map((token) => gateway.get(PLACES, token)));
    expect(answers.map(({ status }) => status)).toEqual(callers.map(() => 200));
    const seen = gateway.backend.received.map(({ headers }) =>
      JSON.parse(partText(String(headers['x-jwt-assertion']), 1)),
    );
    expect(new Set(seen.map((payload) => payload[wso2('inits')]))).toEqual(new Set([1]));
    expect(new Set(seen.map((payload) => payload[wso2('isReady')]))).toEqual(new Set([true]));
    expect(Math.max(...seen.map((payload) => payload[wso2('questions')]))).toBe(50);
  });

  it('is asked for the caller by name, and its order is kept (AST-S25)', async () => {
    const source = 'export const getClaims = (user) => new Map([["b", "2"], ["a", "1"], ["of", user]]);';
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': source } });
    const { value, payload } = await assertionFor(gateway);
    expect(userClaimNames(value, 'http://wso2.org')).toEqual(['b', 'a', 'of', 'role'].map(wso2));
    expect(payload).toMatchObject({ [wso2('b')]: '2', [wso2('a')]: '1', [wso2('of')]: 'test-fusion' });
  });

  it('gives the dialect of its claims, each with its own value (AST-S26)', async () => {
    const source = `export default {
      getClaims: () => ({ email: 'a@b', gender: 'f' }),
      getDialectURI: (user) => user === 'test-fusion' ? 'http://x/d' : 'http://x/other',
    };`;
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': source } });
    const { payload } = await assertionFor(gateway);
    expect(payload).toMatchObject({ 'http://x/d/email': 'a@b', 'http://x/d/gender': 'f' });
  });

  it('may name claims by URI: those get no dialect (AST-P27)', async () => {
    const source = `export const getClaims = () => ({ 'http://idp.org/claims/mobile': '1' });`;
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': source } });
    const { payload } = await assertionFor(gateway);
    expect(payload['http://idp.org/claims/mobile']).toBe('1');
    expect(Object.keys(payload).filter((name) => name.includes('mobile'))).toHaveLength(1);
  });

  it('gives the dialect of the default claims too, whatever is configured (AST-S28)', async () => {
    const source = `export const getClaims = () => ({ email: 'a@b' });
      export const getDialectURI = () => 'http://x/d';`;
    const assertion = `dialect: "http://acme.org/c", ${withModule()}`;
    const gateway = await start({ assertion }, { files: { 'users.mjs': source } });
    const { payload } = await assertionFor(gateway);
    expect(payload).toMatchObject({ 'http://x/d/email': 'a@b', 'http://x/d/enduser': 'test-fusion' });
    expect(Object.keys(payload).filter((name) => name.startsWith('http://acme.org'))).toEqual([]);
  });

  it('does not outvote the default claims nor the registered ones (AST-P29, AST-P30)', async () => {
    const source = `export const getClaims = () => ({ sub: 'root', iss: 'me', tier: 'Gold', role: ['root'] });`;
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': source } });
    const { payload } = await assertionFor(gateway);
    expect(payload).toMatchObject({ sub: 'test-fusion', iss: 'countersign', [wso2('tier')]: 'Silver' });
    expect(payload[wso2('role')]).not.toContain('root');
  });
});

describe('the claims cache', () => {
  /** One token each, so that no remembered assertion answers. */
  const anotherToken = (index: number, clock: () => number) => t1({ index, exp: 2_000_000_000 }, clock);

  it('asks once for many requests of one user, and again when its time is over (AST-P51)', async () => {
    const clock = fakeClock();
    const assertion = withModule('users.mjs', '{ ttl: 60s }');
    const gateway = await start({ assertion }, { clock, files: { 'users.mjs': COUNTING } });
    for (let index = 0; index < 100; index += 1) {
      const { payload } = await assertionFor(gateway, anotherToken(index, clock));
      expect(payload[wso2('questions')]).toBe(1);
    }
    clock.advanceMs(60_000);
    const { payload } = await assertionFor(gateway, anotherToken(100, clock));
    expect(payload[wso2('questions')]).toBe(2);
  });

  it('asks each time where nothing shall be remembered', async () => {
    const clock = fakeClock();
    const assertion = withModule('users.mjs', '{ ttl: 0s }');
    const gateway = await start({ assertion }, { clock, files: { 'users.mjs': COUNTING } });
    await assertionFor(gateway, anotherToken(1, clock));
    const { payload } = await assertionFor(gateway, anotherToken(2, clock));
    expect(payload[wso2('questions')]).toBe(2);
  });
});

describe('a retriever module that fails', () => {
  it.each([
    ['throws', 'export const getClaims = () => { throw new Error("no directory"); };'],
    ['gives no claims', 'export const getClaims = () => 7;'],
    [
      'has an init that throws',
      'export const init = () => { throw new Error("x"); }; export const getClaims = () => ({});',
    ],
  ])('because it %s is 503, and the backend is not asked', async (_why, source) => {
    const gateway = await start({ assertion: withModule() }, { files: { 'users.mjs': source } });
    const answer = await gateway.get(PLACES, t1());
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'claims_unavailable' });
    expect(gateway.backend.received).toEqual([]);
  });

  it.each([
    ['is missing', {}, 'cannot be loaded'],
    ['does not parse', { 'users.mjs': 'export const' }, 'cannot be loaded'],
    ['exports no getClaims', { 'users.mjs': 'export const x = 1;' }, 'getClaims'],
  ])('at start because it %s is a configuration error', async (_why, files, message) => {
    await expect(start({ assertion: withModule() }, { files })).rejects.toThrow(message);
  });
});
