/** The commands, and the process as they see it. */

import { checkCommand } from './check.ts';
import { runCli } from './cli.ts';
import type { CliIo, Command } from './command.ts';
import { explainCommand } from './explain.ts';
import { healthCommand } from './health.ts';
import { keysCommands } from './keys.ts';
import { realmsCommand, routesCommand } from './list.ts';
import { schemaCommand } from './schema.ts';
import { serveCommand } from './serve.ts';
import { tokenInspectCommand, tokenMintCommand } from './token.ts';
import { versionCommand } from './version.ts';

export const COMMANDS: readonly Command[] = [
  serveCommand,
  checkCommand,
  explainCommand,
  healthCommand,
  routesCommand,
  realmsCommand,
  tokenMintCommand,
  tokenInspectCommand,
  ...keysCommands,
  schemaCommand,
  versionCommand,
];

export function main(args: readonly string[]): Promise<number> {
  return runCli(args, COMMANDS, processIo());
}

function processIo(): CliIo {
  // `countersign schema | head` closes the pipe early: the reader has what it wanted.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', exceptClosedPipe);
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    untilStopped: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
      }),
    onReload: (reload) => void process.on('SIGHUP', reload),
  };
}

function exceptClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
