/** The command table and the way from arguments to an exit code. */
import { didYouMean } from '../config/suggest.ts';
import {
  type CliIo,
  type Command,
  commandHelp,
  EXIT,
  readArguments,
  UsageError,
  usageLine,
} from './command.ts';

/** Runs one command line, without the program's own name. Never throws: failures are messages and exit codes. */
export async function runCli(
  args: readonly string[],
  commands: readonly Command[],
  io: CliIo,
): Promise<number> {
  const [first, ...rest] = args;
  const isHelp = first === '--help' || first === '-h' || first === 'help';
  if (first === undefined || (isHelp && rest.length === 0)) {
    io.out(overview(commands));
    return isHelp ? EXIT.ok : EXIT.usage;
  }
  if (isHelp) return await runCli([...rest, '--help'], commands, io);
  const aliased = first === '--version' || first === '-v' ? ['version', ...rest] : args;
  const command = findCommand(aliased, commands);
  if (command === undefined) return unknownCommand(aliased, commands, io);
  return await runCommand(command, aliased.slice(command.name.split(' ').length), io);
}

function findCommand(args: readonly string[], commands: readonly Command[]): Command | undefined {
  return commands.find(({ name }) => name.split(' ').every((word, index) => args[index] === word));
}

async function runCommand(command: Command, args: readonly string[], io: CliIo): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.out(commandHelp(command));
    return EXIT.ok;
  }
  try {
    return await command.run(readArguments(command, args), io);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    io.err(`countersign ${command.name}: ${message}\n`);
    if (!(thrown instanceof UsageError)) return EXIT.failed;
    io.err(`Usage: ${usageLine(command)}\n`);
    return EXIT.usage;
  }
}

function unknownCommand(args: readonly string[], commands: readonly Command[], io: CliIo): number {
  const group = commands.filter(({ name }) => name.startsWith(`${args[0]} `));
  if (group.length > 0 && (args.length === 1 || args[1] === '--help' || args[1] === '-h')) {
    io.out(overview(group));
    return args.length === 1 ? EXIT.usage : EXIT.ok;
  }
  const name = args.slice(0, group.length > 0 ? 2 : 1).join(' ');
  const known = commands.map((command) => (group.length > 0 ? command.name : firstWord(command)));
  const shown = group.length > 0 ? group : commands;
  io.err(`countersign: no command "${name}"${didYouMean(name, known)}\n\n${overview(shown)}`);
  return EXIT.usage;
}

function firstWord({ name }: Command): string {
  return name.split(' ', 1)[0] ?? name;
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'countersign: checks Bearer tokens against realms and countersigns every request it forwards.',
    '',
    'Usage: countersign COMMAND [options]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '`countersign COMMAND --help` explains the options of a command and shows an example.',
    '',
  ].join('\n');
}
