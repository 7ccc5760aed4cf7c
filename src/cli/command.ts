/** What a command of the CLI is, and how its arguments are read and explained. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { didYouMean } from '../config/suggest.ts';

/** Where a command reads and writes; tests give their own. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  out(text: string): void;
  err(text: string): void;
  /** Standard input, until its end or until there are so many bytes. */
  input(bytesMax: number): Promise<Uint8Array>;
  /** Resolves with the signal that asks a long-running command to stop, or with the error that nobody caught. */
  untilStopped(): Promise<NodeJS.Signals | Error>;
  onReload(reload: () => void): void;
}

interface OptionHelp {
  readonly type: 'string' | 'boolean';
  readonly help: string;
  readonly short?: string;
  readonly multiple?: boolean;
  /** Placeholder of the value in the help text. */
  readonly value?: string;
  readonly default?: string;
}

export interface CommandInput {
  readonly positionals: readonly string[];
  /** The last value given, or the default. */
  text(name: string): string | undefined;
  /** All values given. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

export interface Command {
  /** `serve`, or `token mint` for a command of a group. */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments as the help shows them. */
  readonly arguments?: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  readonly example: string;
  /** Returns the exit code. */
  run(input: CommandInput, io: CliIo): Promise<number>;
}

/** Exit codes, after sysexits.h where it has one. */
export const EXIT = { ok: 0, failed: 1, usage: 64, config: 78 } as const;

/** A mistake in how a command was called; the message is shown with the usage line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError for unknown options, missing values and more arguments than the command takes */
export function readArguments(command: Command, args: readonly string[]): CommandInput {
  const { values, positionals } = parse(command, args);
  const argumentsMax = command.arguments?.split(' ').length ?? 0;
  if (positionals.length > argumentsMax)
    throw new UsageError(`takes ${argumentsMax === 0 ? 'no arguments' : (command.arguments ?? '')}`);
  return inputOf(command, values, positionals);
}

function parse(
  command: Command,
  args: readonly string[],
): { readonly values: ParsedValues; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: parseOptions(command) });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(unknownOption(command, message) ?? message, { cause });
  }
}

/** Shorter than what node:util says of an unknown option; null for what else it says. */
function unknownOption(command: Command, message: string): string | null {
  const option = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  if (option === undefined) return null;
  const known = [...Object.keys(command.options), 'help'].map((name) => `--${name}`);
  return `no option ${option}${didYouMean(option, known)}`;
}

function parseOptions(command: Command): ParseArgsOptionsConfig {
  const entries = Object.entries(command.options).map(([name, { type, short, multiple }]) => {
    return [name, { type, multiple: multiple ?? false, ...(short === undefined ? {} : { short }) }] as const;
  });
  return Object.fromEntries(entries);
}

type ParsedValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function inputOf(command: Command, values: ParsedValues, positionals: readonly string[]): CommandInput {
  const texts = (name: string) => [values[name] ?? []].flat().filter((value) => typeof value === 'string');
  return {
    positionals,
    texts,
    text: (name) => texts(name).at(-1) ?? command.options[name]?.default,
    flag: (name) => values[name] === true,
  };
}

/** The text of `countersign COMMAND --help`. */
export function commandHelp(command: Command): string {
  const options = Object.entries({
    ...command.options,
    help: { type: 'boolean', help: 'Show this help.' } as OptionHelp,
  });
  const left = options.map(([name, option]) => optionLabel(name, option));
  const width = Math.max(...left.map((label) => label.length));
  const lines = options.map(([, { help, default: preset }], index) => {
    return `  ${(left[index] ?? '').padEnd(width)}  ${help}${preset === undefined ? '' : ` Default: ${preset}.`}`;
  });
  return [
    `${command.summary}`,
    '',
    `Usage: ${usageLine(command)}`,
    '',
    'Options:',
    ...lines,
    '',
    'Example:',
    ...command.example.split('\n').map((line) => `  ${line}`),
    '',
  ].join('\n');
}

export function usageLine(command: Command): string {
  return ['countersign', command.name, '[options]', command.arguments]
    .filter((part) => part !== undefined)
    .join(' ');
}

function optionLabel(name: string, option: OptionHelp): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${name}${option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''}`;
}
