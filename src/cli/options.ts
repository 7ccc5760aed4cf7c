/** Options that several commands share. */
import { resolve } from 'node:path';
import { type CliIo, type CommandInput, UsageError } from './command.ts';

export const DEFAULT_CONFIG = 'config/countersign.yaml';

export const CONFIG_OPTION = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'The configuration file.',
    default: DEFAULT_CONFIG,
  },
} as const;

/** As given, relative to where the command was called: messages show it as the operator wrote it. */
export function configPath(input: CommandInput): string {
  return input.positionals[0] ?? input.text('config') ?? DEFAULT_CONFIG;
}

/** @throws UsageError without it */
export function required(input: CommandInput, name: string): string {
  const value = input.text(name);
  if (value === undefined) throw new UsageError(`--${name} is required`);
  return value;
}

/** An absolute path for a file named on the command line. */
export function pathOf(io: CliIo, path: string): string {
  return resolve(io.cwd, path);
}
