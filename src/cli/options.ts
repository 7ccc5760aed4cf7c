/** Options that several commands share. */
import { type CommandInput, UsageError } from './command.ts';

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

/**
 * As given, relative to where the command was called: messages show it as the operator wrote it.
 *
 * @throws UsageError where FILE and --config are both given
 */
export function configPath(input: CommandInput): string {
  const [file] = input.positionals;
  if (file !== undefined && input.texts('config').length > 0)
    throw new UsageError('name the configuration once: as FILE or with --config');
  return file ?? input.text('config') ?? DEFAULT_CONFIG;
}

/** @throws UsageError without it */
export function required(input: CommandInput, name: string): string {
  const value = input.text(name);
  if (value === undefined) throw new UsageError(`--${name} is required`);
  return value;
}
