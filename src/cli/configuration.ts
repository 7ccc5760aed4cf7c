/** Reads the configuration for a command that needs a good one. */
import type { AttributeSource } from '../app/attribute-source.ts';
import { type Configuration, readConfiguration } from '../app/configuration.ts';
import { diskFiles } from '../app/configuration-files.ts';
import { systemClock } from '../app/ports.ts';
import { formatIssues } from '../config/issue.ts';
import { type CliIo, type CommandInput, EXIT } from './command.ts';
import { DEFAULT_CONFIG } from './options.ts';

/** Null after the issues were printed. `lookup`: for the retriever `store`, where the command decides requests. */
export async function readOrFail(
  input: CommandInput,
  io: CliIo,
  lookup?: AttributeSource['lookup'],
): Promise<Configuration | null> {
  const path = input.text('config') ?? DEFAULT_CONFIG;
  const result = await readConfiguration(path, io.env, systemClock, diskFiles, lookup);
  if ('configuration' in result) return result.configuration;
  io.err(`${formatIssues(result.issues)}\n`);
  return null;
}

/** Runs on a good configuration, and gives back the exit code. */
export async function withConfiguration(
  input: CommandInput,
  io: CliIo,
  run: (configuration: Configuration) => Promise<void>,
): Promise<number> {
  const configuration = await readOrFail(input, io);
  if (configuration === null) return EXIT.failed;
  await run(configuration);
  return EXIT.ok;
}
