/** What a lambda can do, what it cannot reach, and what ends it. */
import { afterAll, describe, expect, it } from 'vitest';
import { ARGS_MAX_CHARS, type LambdaAnswer } from '../../../src/identity-providers/lambda/protocol.ts';
import {
  createSandbox,
  type Sandbox,
  SandboxBusyError,
} from '../../../src/identity-providers/lambda/sandbox.ts';
import { mistakeInLambda } from '../../../src/identity-providers/lambda/syntax.ts';
import { ThreadLostError } from '../../../src/identity-providers/lambda/thread.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler } from '../../support/scheduler.ts';

const MEBIBYTE = 1024 * 1024;
/** Long beside what a lambda takes that ends by itself, so that a busy machine stops none of them. */
const TIMEOUT_MS = 15_000;

const realSchedule = (task: () => void, delayMs: number) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};

const opened: Sandbox[] = [];
function open(options: Partial<Parameters<typeof createSandbox>[0]> = {}): Sandbox {
  const sandbox = createSandbox({
    timeoutMs: TIMEOUT_MS,
    memoryBytes: 32 * MEBIBYTE,
    schedule: realSchedule,
    ...options,
  });
  opened.push(sandbox);
  return sandbox;
}
afterAll(async () => {
  await Promise.all(opened.map((sandbox) => sandbox.close()));
});

const sandbox = open();

function call(body: string, args: readonly unknown[] = [{}, {}, { sub: 'bob' }]) {
  return { entryPoint: 'reconcile', body, args: JSON.stringify(args), frozen: [2] } as const;
}

const run = (body: string, args?: readonly unknown[]) => sandbox.run(call(body, args));

/** Runs statements in a sandbox whose time passes until they are stopped, and once more in the same one. */
async function stoppedAndNext(statements: string): Promise<readonly [LambdaAnswer, LambdaAnswer]> {
  const timers = fakeScheduler(fakeClock());
  const own = open({ schedule: timers.schedule, threads: 1 });
  const answers: LambdaAnswer[] = [];
  const running = own
    .run(call(`function reconcile(user) { ${statements} }`))
    .then((answer) => answers.push(answer));
  while (timers.pending() === 0) await turn();
  while (answers.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await timers.passMs(TIMEOUT_MS);
  }
  await running;
  const [stopped] = answers;
  if (stopped === undefined) throw new Error('no answer');
  return [stopped, await own.run(call('function reconcile(user) { user.seen = "next" }'))];
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs statements that may say things to `seen`, which comes back. */
async function seen(statements: string): Promise<unknown> {
  const { outcome } = await run(`function reconcile(user, registration, jwt) { ${statements} }`);
  if (outcome.kind !== 'returned') throw new Error(`${outcome.kind}: ${outcome.message}`);
  return JSON.parse(outcome.args)[0].seen;
}

function messageOf({ outcome }: LambdaAnswer): string {
  return outcome.kind === 'returned' ? 'returned' : `${outcome.kind}: ${outcome.message}`;
}

describe('a lambda', () => {
  it('changes its arguments, and they come back', async () => {
    const { outcome } = await run('function reconcile(user, registration, jwt) { user.from = jwt.sub; }');
    expect(outcome).toEqual({ kind: 'returned', args: '[{"from":"bob"},{},{"sub":"bob"}]' });
  });

  it('may be an arrow function, and may use what JavaScript has', async () => {
    const { outcome } = await run(
      'const reconcile = (user) => { user.year = new Date(0).getUTCFullYear(); user.list = [...new Set([1, 1])]; };',
    );
    expect(outcome).toEqual({ kind: 'returned', args: '[{"year":1970,"list":[1]},{},{"sub":"bob"}]' });
  });

  it('IDP-P11: cannot change what it may only read, at any depth', async () => {
    const { outcome } = await run(
      'function reconcile(user, registration, jwt) { jwt.sub = "x"; jwt.deep.list.x = 1; delete jwt.deep; }',
      [{}, {}, { sub: 'bob', deep: { list: [] } }],
    );
    expect(outcome).toMatchObject({ args: '[{},{},{"sub":"bob","deep":{"list":[]}}]' });
  });

  it.each([
    ['throws', 'function reconcile() { throw new TypeError("no") }', 'threw: TypeError: no'],
    ['throws what is no error', 'function reconcile() { throw { a: 1 } }', 'threw: thrown: {"a":1}'],
    ['is no program', 'function reconcile( {', 'threw: SyntaxError:'],
    ['is async', 'async function reconcile() { throw 1 }', 'threw: TypeError: A lambda must not be async'],
    ['declares something else', 'function populate() {}', 'threw: The lambda declares no function reconcile'],
    ['throws while it is read', 'throw new Error("early")', 'threw: Error: early'],
    ['throws a symbol', 'function reconcile() { throw Symbol("s") }', 'threw: thrown: Symbol(s)'],
  ])('that %s is told apart', async (_, body, message) => {
    expect(messageOf(await run(body))).toContain(message);
  });

  it('IDP-P14: is heard line by line', async () => {
    const { lines } = await run(
      'function reconcile(user, registration, jwt) { console.info("one", jwt); console.error("two"); console.debug(3); }',
    );
    expect(lines).toEqual([
      { type: 'Information', text: 'one {"sub":"bob"}' },
      { type: 'Error', text: 'two' },
      { type: 'Debug', text: '3' },
    ]);
  });

  it('IDP-P14: is heard until it throws', async () => {
    const { lines } = await run('function reconcile() { console.info("before"); throw 1; }');
    expect(lines).toEqual([{ type: 'Information', text: 'before' }]);
  });

  it('L05: says a hundred lines of two thousand characters, and no more is kept', async () => {
    const { lines } = await run(
      'function reconcile() { for (let i = 0; i < 150; i++) console.info("x".repeat(5000)); }',
    );
    expect(lines).toHaveLength(100);
    expect(lines.every(({ text }) => text.length === 2048)).toBe(true);
  });
});

describe('a lambda that is stopped', () => {
  it.each([
    ['IDP-P12, L02: loops for ever', 'for (;;);'],
    ['L02: loops and catches all', 'for (;;) try { for (;;); } catch {} finally { for (;;); }'],
    ['L02: backtracks in a regular expression', '/^(a+)+$/.test("a".repeat(60) + "b")'],
    ['L02: loops in one built-in function', 'Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)'],
    ['L02: loops in a getter', 'Object.defineProperty({}, "x", { get() { for (;;); } }).x'],
    ['L02: loops when it is written as JSON', 'user.toJSON = () => { for (;;); }'],
    ['L02: loops when its error is shown', 'throw { toJSON() { for (;;); } }'],
    ['L02: loops in a proxy', 'new Proxy({}, { get() { for (;;); } }).x'],
  ])('%s', async (_, statements) => {
    const [stopped, next] = await stoppedAndNext(statements);
    expect(messageOf(stopped)).toContain('stopped: The lambda was stopped: it runs too long');
    expect(next.outcome).toMatchObject({ args: '[{"seen":"next"},{},{"sub":"bob"}]' });
  });

  it.each([
    ['L03: fills an array', 'const a = []; for (;;) a.push(new Array(1000).fill(1))', 'too much memory'],
    ['L03: joins texts', 'let s = "x"; for (;;) s += s + Math.random()', 'too large'],
    ['L03: wants one large buffer', 'new ArrayBuffer(2 ** 30)', 'too much memory'],
    ['L03: fills a map', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, {})', 'too much memory'],
    ['L03: calls itself', 'const f = () => f() + 1; f()', 'nests too deep'],
    ['L03: nests in eval', '(0, eval)("(".repeat(1e6))', 'nests too deep'],
    ['L05: leaves more than fits', `user.x = "x".repeat(${ARGS_MAX_CHARS})`, 'no JSON, or too large'],
    ['L05: leaves no JSON', 'user.toJSON = () => 1n', 'threw: TypeError'],
  ])('%s', async (_, statements, message) => {
    expect(messageOf(await run(`function reconcile(user) { ${statements} }`))).toContain(message);
    expect(await seen('user.seen = "next"')).toBe('next');
  });

  it('L03: is held to the memory that the settings say', async () => {
    const body =
      'function reconcile() { const a = []; for (let i = 0; i < 150; i++) a.push(new ArrayBuffer(1e5)) }';
    expect(messageOf(await open({ memoryBytes: 16 * MEBIBYTE }).run(call(body)))).toContain(
      'too much memory',
    );
    expect((await sandbox.run(call(body))).outcome.kind).toBe('returned');
  });

  it('L03: may catch that it called itself too often', async () => {
    expect(await seen('const f = () => f() + 1; try { f() } catch { user.seen = "caught" }')).toBe('caught');
  });

  it('L03: refuses a text of a gibibyte at once', async () => {
    const answer = await run('function reconcile() { "a".repeat(2 ** 30) }');
    expect(messageOf(answer)).toBe('threw: RangeError: invalid string length');
  });

  it('L03: takes no more of this process than its limit, however much it wants', async () => {
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 8; round += 1)
      await run('function reconcile() { const a = []; for (;;) a.push("x".repeat(1000) + a.length) }');
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * MEBIBYTE);
  });

  it('L02: does not wait for promises, which are never run', async () => {
    expect(
      await seen('user.seen = "done"; const again = () => Promise.resolve().then(again); again();'),
    ).toBe('done');
  });
});

/** IDP-P13. Each would be seen where it worked. */
const ESCAPES: readonly (readonly [string, string])[] = [
  ['require', 'user.seen = typeof require'],
  ['process', 'user.seen = typeof process'],
  ['fetch', 'user.seen = typeof fetch + typeof XMLHttpRequest + typeof WebSocket'],
  ['the constructor of functions', 'user.seen = reconcile.constructor("return typeof process")()'],
  [
    'the constructor of the console, which we gave it',
    'user.seen = console.info.constructor.constructor("return typeof process")()',
  ],
  ['the caller of the function', 'user.seen = typeof arguments.callee.caller?.constructor("return process")'],
  [
    'globalThis of the host',
    'user.seen = typeof globalThis.Buffer + typeof this.global + typeof globalThis.os',
  ],
  [
    'Error.prepareStackTrace',
    'Error.prepareStackTrace = (_, frames) => frames; const { stack } = new Error("x"); ' +
      'user.seen = typeof (Array.isArray(stack) ? stack[0]?.getThis?.()?.process : undefined)',
  ],
  ['WebAssembly and shared memory of the host', 'user.seen = typeof WebAssembly + typeof Worker'],
  ['timers', 'user.seen = typeof setTimeout + typeof setInterval + typeof queueMicrotask'],
  [
    'a thrown error of the host',
    'try { console.info(Symbol("x") + "") } catch (e) { user.seen = e.constructor.constructor("return typeof process")() }',
  ],
  ['the arguments', 'user.seen = jwt.constructor.constructor("return typeof process")()'],
];

describe('IDP-P13, L01: the sandbox', () => {
  it('is tried with twelve escapes', () => {
    expect(ESCAPES).toHaveLength(12);
  });

  it.each(ESCAPES)('gives no way out through %s', async (_, statements) => {
    expect(String(await seen(statements)).replaceAll('undefined', '')).toBe('');
  });

  it('has no modules', async () => {
    expect(messageOf(await run('import fs from "node:fs"; function reconcile() {}'))).toContain(
      'SyntaxError',
    );
    const { outcome } = await run(
      'function reconcile(user) { user.seen = 1; import("node:fs").then(() => { user.seen = 2 }); }',
    );
    expect(outcome).toMatchObject({ args: '[{"seen":1},{},{"sub":"bob"}]' });
  });

  it('forgets everything after each run', async () => {
    await seen('globalThis.kept = 1; Object.prototype.kept = 2; Array.prototype.map = 3; JSON.parse = 4');
    expect(await seen('user.seen = [typeof kept, typeof {}.kept, [1].map(String), JSON.parse("5")]')).toEqual(
      ['undefined', 'undefined', ['1'], 5],
    );
  });

  it('L01: a prototype that it writes is not ours', async () => {
    await seen('Object.prototype.polluted = 1; user.__proto__ = { polluted: 2 }; user.seen = 1');
    const { outcome } = await run(
      'function reconcile(user) { user.x = JSON.parse(\'{"__proto__": {"polluted": 3}}\') }',
    );
    expect(outcome.kind).toBe('returned');
    expect('polluted' in {}).toBe(false);
  });

  it('is deaf to a lambda that meddles with how it speaks', async () => {
    const { outcome, lines } = await run(
      'JSON.stringify = () => 7; String.prototype.slice = () => ({});' +
        'function reconcile(user) { user.x = 1; console.info("hidden"); }',
    );
    expect(outcome).toMatchObject({ args: '[{"x":1},{},{"sub":"bob"}]' });
    expect(lines).toEqual([]);
  });
});

describe('createSandbox()', () => {
  it('IDP-P12, L02: goes on with other lambdas, and with everything else, while one loops', async () => {
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const own = open({ schedule: timers.schedule });
    let turns = 0;
    const looping = own.run(call('function reconcile() { for (;;); }'));
    const other = await own.run(call('function reconcile(user) { user.x = 1 }'));
    expect(other.outcome.kind).toBe('returned');
    for (; turns < 100; turns += 1) await turn();
    expect(turns).toBe(100);
    while (timers.pending() === 0) await turn();
    await timers.passMs(TIMEOUT_MS);
    expect(messageOf(await looping)).toContain('it runs too long');
  });

  it('IDP-P12: kills a lambda that does not stop when it is told to, and starts another thread', async () => {
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const own = open({ schedule: timers.schedule, threads: 1 });
    const stuck = own.run(
      call('function reconcile() { Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1) }'),
    );
    while (timers.pending() === 0) await turn();
    await timers.passMs(TIMEOUT_MS);
    await timers.passMs(TIMEOUT_MS);
    expect(messageOf(await stuck)).toContain('had to be killed');
    expect((await own.run(call('function reconcile() {}'))).outcome.kind).toBe('returned');
  });

  it('L02: lets a bounded number of lambdas wait, and none of them for ever', async () => {
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const own = open({ schedule: timers.schedule, threads: 1, timeoutMs: 1000 });
    const looping = own.run(call('function reconcile() { for (;;); }'));
    const waiting = Array.from({ length: 100 }, () => own.run(call('function reconcile() {}')));
    const results = Promise.allSettled(waiting);
    await expect(own.run(call('function reconcile() {}'))).rejects.toThrow(SandboxBusyError);
    while (timers.pending() < 101) await turn();
    await timers.passMs(1000);
    expect(messageOf(await looping)).toContain('it runs too long');
    expect((await results).every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('L02: refuses a lambda whose turn does not come in time', async () => {
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const own = open({ schedule: timers.schedule, threads: 1 });
    const looping = own.run(call('function reconcile() { for (;;); }'));
    const waiting = own.run(call('function reconcile() {}'));
    const refused = expect(waiting).rejects.toThrow(SandboxBusyError);
    await timers.passMs(5_000);
    await refused;
    while (timers.pending() === 0) await turn();
    await timers.passMs(TIMEOUT_MS);
    await looping;
  });

  it('ends what runs and what waits when it is closed, and begins nothing more', async () => {
    const own = open({ schedule: fakeScheduler(fakeClock()).schedule, threads: 1 });
    const running = expect(own.run(call('function reconcile() { for (;;); }'))).rejects.toThrow(
      ThreadLostError,
    );
    const waiting = expect(own.run(call('function reconcile() {}'))).rejects.toThrow(SandboxBusyError);
    await own.close();
    await Promise.all([running, waiting]);
    await expect(own.run(call('function reconcile() {}'))).rejects.toThrow(SandboxBusyError);
  });
});

describe('mistakeInLambda()', () => {
  const TOP_LEVEL = "function reconcile() {}; throw new Error('was run')";

  it.each([
    'function reconcile() {}',
    'const f = 1; function populate(jwt) { jwt.a = f; }',
    TOP_LEVEL,
    'for (;;) {}',
  ])('takes %s, and runs nothing of it', async (body) => {
    expect(await mistakeInLambda(sandbox, body)).toBeNull();
  });

  it.each(['function reconcile( {', 'return 1', "import x from 'y'", 'x = "', 'await 1'])(
    'says what is wrong with %s',
    async (body) => {
      expect(await mistakeInLambda(sandbox, body)).toMatch(/^SyntaxError: ./);
    },
  );

  it('refuses what nests too deep to be parsed, and the sandbox lives on', async () => {
    expect(await mistakeInLambda(sandbox, '['.repeat(60_000))).toMatch(/nests too deep|SyntaxError/);
    expect(await mistakeInLambda(sandbox, 'function reconcile() {}')).toBeNull();
  });
});
