/** The commands, and the process as they see it. */

import { apiKeysCommands } from './api-keys.ts';
import { checkCommand } from './check.ts';
import { runCli } from './cli.ts';
import { type CliIo, type Command, EXIT } from './command.ts';
import { explainCommand } from './explain.ts';
import { healthCommand } from './health.ts';
import { importCommands } from './import.ts';
import { keysCommands } from './keys.ts';
import { realmsCommand, routesCommand } from './list.ts';
import { masterKeyCommands } from './master-key.ts';
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
  ...apiKeysCommands,
  ...masterKeyCommands,
  ...importCommands,
  schemaCommand,
  versionCommand,
];

export function main(args: readonly string[]): Promise<number> {
  return runCli(args, COMMANDS, processIo());
}

function processIo(): CliIo {
  // Node's own answer is to open its inspector, where whoever reaches the port runs code in this process.
  process.on('SIGUSR1', () => {});
  process.stdout.on('error', exceptClosedPipe);
  // There is nowhere left to say so.
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    input: readStandardInput,
    untilStopped: () => new Promise(stopOnSignalOrDefect),
    onReload: (reload) => void process.on('SIGHUP', reload),
  };
}

async function readStandardInput(bytesMax: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of process.stdin) {
    pieces.push(piece);
    length += piece.length;
    if (length >= bytesMax) break;
  }
  return Buffer.concat(pieces).subarray(0, bytesMax);
}

/**
 * The first signal asks for a graceful end, the second one is obeyed at once. An error that nobody caught, a rejection
 * included, leaves the process in a state that nobody knows: it finishes what runs, and ends (security row D06).
 */
function stopOnSignalOrDefect(resolve: (cause: NodeJS.Signals | Error) => void): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(EXIT.failed);
    isStopping = true;
    resolve(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  process.on('uncaughtException', (error) => {
    process.stderr.write(`countersign: nothing caught this: ${error.stack ?? error.message}\n`);
    resolve(error);
  });
}

/** `countersign schema | head` closes the pipe early: the reader has what it wanted. */
function exceptClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
