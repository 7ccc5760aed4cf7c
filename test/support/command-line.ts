/** The command line as a user has it, without a process: arguments in, output and exit code out. */
import { runCli } from '../../src/cli/cli.ts';
import { COMMANDS } from '../../src/cli/main.ts';

export interface CommandResult {
  readonly code: number;
  /** Standard output and standard error, in the order in which they were written. */
  readonly output: string;
}

export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const code = await runCli(args, COMMANDS, {
    env,
    cwd: process.cwd(),
    out: write,
    err: write,
    untilStopped: () => Promise.resolve('SIGTERM'),
    onReload: () => {},
  });
  return { code, output };
}
