/**
 * One run of one lambda in an interpreter of its own: QuickJS as WebAssembly, a new instance and a new memory each
 * time, so that a run finds nothing of another one, even if it broke the interpreter. The lambda reaches no host object:
 * it is given text, and text comes back. Node's own contexts are no sandbox; this one has no door to Node.
 */
import releaseSync from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSSyncVariant,
} from 'quickjs-emscripten-core';
import { EVENT_LOG_TYPES } from '../../tokens/event-log-table.ts';
import { PRELUDE } from './prelude.ts';
import {
  ARGS_MAX_CHARS,
  type ConsoleLine,
  type LambdaAnswer,
  type LambdaCall,
  type LambdaOutcome,
  type LambdaReading,
  stopped,
} from './protocol.ts';

/** A WebAssembly page, in bytes. */
const PAGE_BYTES = 64 * 1024;
/** What the interpreter's build asks for at its start, 16 MiB; it needs 6 of them itself. */
const INITIAL_PAGES = 256;
/** Of the interpreter, in bytes: some 1500 calls deep. Well below the thread's own stack, which nested JSON uses too. */
const STACK_BYTES = 256 * 1024;
/** Console lines of one run; what comes after is dropped. */
const LINES_MAX = 100;

export interface InterpreterOptions {
  /** The compiled interpreter. */
  readonly wasmModule: WebAssembly.Module;
  /** Of the whole instance; at least 16 MiB. QuickJS's own limit counts nothing in this build, the memory's size does. */
  readonly memoryBytes: number;
  /** Asked every few thousand steps of the lambda. */
  readonly shouldStop: () => boolean;
}

/** Rejects only for a fault of our own. */
export async function interpret(
  call: LambdaCall | LambdaReading,
  options: InterpreterOptions,
): Promise<LambdaAnswer> {
  const lines: ConsoleLine[] = [];
  const context = await newContext(options);
  try {
    return { outcome: runIn(context, call, lines, options), lines };
  } catch (error) {
    if (options.shouldStop()) return { outcome: TOO_LONG, lines };
    // The thread's stack ended before the interpreter's: deep recursion in the parser, in JSON, in a getter.
    if (error instanceof RangeError) return { outcome: stopped('it nests too deep'), lines };
    throw error;
  }
  // Nothing is disposed of: after such an error the instance must not be entered again, and it is garbage as a whole.
}

async function newContext({
  wasmModule,
  memoryBytes,
  shouldStop,
}: InterpreterOptions): Promise<QuickJSContext> {
  const maximum = Math.max(INITIAL_PAGES, Math.floor(memoryBytes / PAGE_BYTES));
  const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
  const variant = newVariant(requireVariant(releaseSync), { wasmModule, wasmMemory });
  const runtime = (await newQuickJSWASMModuleFromVariant(variant)).newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(shouldStop);
  return runtime.newContext();
}

/** The package's types describe its CommonJS build, where the variant is one level deeper. */
function requireVariant(imported: object): QuickJSSyncVariant {
  if (!isVariant(imported)) throw new TypeError('The interpreter is not in the package');
  return imported;
}

function isVariant(imported: object): imported is QuickJSSyncVariant {
  return 'importFFI' in imported && 'importModuleLoader' in imported;
}

/** Jobs of promises are never run, and no module loader is set: a lambda ends when its function returns. */
function runIn(
  context: QuickJSContext,
  call: LambdaCall | LambdaReading,
  lines: ConsoleLine[],
  { shouldStop }: InterpreterOptions,
): LambdaOutcome {
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, 'prelude.js', { type: 'global' }));
  const kit = context.unwrapResult(
    context.callFunction(prelude, context.undefined, reporter(context, lines)),
  );
  const failed = (error: QuickJSHandle) =>
    failure(context, context.getProp(kit, 'describe'), error, shouldStop);

  const compileOnly = call.entryPoint === null;
  const evaluated = context.evalCode(call.body, 'lambda.js', { type: 'global', compileOnly });
  if (evaluated.error) return failed(evaluated.error);
  if (call.entryPoint === null) return { kind: 'returned', args: '[]' };
  const { entryPoint, args, frozen } = call;
  const found = context.evalCode(`typeof ${entryPoint} === 'function' ? ${entryPoint} : null`, 'find.js');
  if (found.error) return failed(found.error);
  if (context.typeof(found.value) !== 'function')
    return { kind: 'threw', message: `The lambda declares no function ${entryPoint}` };
  const texts = [args, JSON.stringify(frozen)].map((text) => context.newString(text));
  const invoke = context.getProp(kit, 'invoke');
  const returned = context.callFunction(invoke, context.undefined, found.value, ...texts);
  return returned.error ? failed(returned.error) : resultOf(context, returned.value);
}

function resultOf(context: QuickJSContext, value: QuickJSHandle): LambdaOutcome {
  const text = textOf(context, value, ARGS_MAX_CHARS);
  return text === null
    ? stopped('what it leaves is no JSON, or too large')
    : { kind: 'returned', args: text };
}

/** Null where the value is no string or longer than `maxChars`: it is not copied out. */
function textOf(context: QuickJSContext, value: QuickJSHandle, maxChars: number): string | null {
  if (context.typeof(value) !== 'string') return null;
  // A string's own length: no lambda can change what it says.
  const chars = context.getNumber(context.getProp(value, 'length'));
  return chars > maxChars ? null : context.getString(value);
}

/** Longer than what the prelude cuts lines to; a lambda that tampered with it is not heard. */
const REPORT_MAX_CHARS = 4096;

function reporter(context: QuickJSContext, lines: ConsoleLine[]): QuickJSHandle {
  return context.newFunction('report', (typeHandle, textHandle) => {
    const name = textOf(context, typeHandle, REPORT_MAX_CHARS);
    const text = textOf(context, textHandle, REPORT_MAX_CHARS);
    const type = EVENT_LOG_TYPES.find((known) => known === name);
    if (type !== undefined && text !== null && lines.length < LINES_MAX) lines.push({ type, text });
  });
}

const TOO_LONG = stopped('it runs too long');

/**
 * The first that fits. InternalError is QuickJS's own class for what a program cannot help; where not even an error
 * can be made for want of memory, it throws null.
 */
const LIMITS: readonly (readonly [string, string])[] = [
  ['InternalError: out of memory', 'it needs too much memory'],
  ['thrown: null', 'it needs too much memory, or threw null'],
  ['InternalError: stack overflow', 'it nests too deep'],
  ['InternalError', 'it makes something too large'],
];

function failure(
  context: QuickJSContext,
  describe: QuickJSHandle,
  error: QuickJSHandle,
  shouldStop: () => boolean,
): LambdaOutcome {
  if (shouldStop()) return TOO_LONG;
  const described = context.callFunction(describe, context.undefined, error);
  const message = described.error ? null : textOf(context, described.value, REPORT_MAX_CHARS);
  const limit = LIMITS.find(([prefix]) => message?.startsWith(prefix));
  if (limit !== undefined) return stopped(limit[1]);
  if (shouldStop()) return TOO_LONG;
  return { kind: 'threw', message: message ?? 'thrown: something that has no text' };
}
