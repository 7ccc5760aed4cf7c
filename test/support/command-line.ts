/** The command line as a user has it, without a process: arguments in, output and exit code out. */
import { runCli } from '../../src/cli/cli.ts';
import { COMMANDS } from '../../src/cli/main.ts';

export interface CommandResult {
  readonly code: number;
  /** Standard output and standard error, in the order in which they were written. */
  readonly output: string;
  /** Standard output alone. */
  readonly stdout: string;
}

export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input: string | Uint8Array = '',
): Promise<CommandResult> {
  let output = '';
  let stdout = '';
  const write = (text: string) => {
    output += text;
  };
  const code = await runCli(args, COMMANDS, {
    env,
    cwd: process.cwd(),
    out: (text) => {
      stdout += text;
      write(text);
    },
    err: write,
    input: (bytesMax) => Promise.resolve(Buffer.from(input).subarray(0, bytesMax)),
    untilStopped: () => Promise.resolve('SIGTERM'),
    onReload: () => {},
  });
  return { code, output, stdout };
}
