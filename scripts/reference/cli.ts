/** docs/cli.md, from the table of commands. */
import { type Command, commandHelp, EXIT } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/main.ts';
import { code, GENERATED, table } from './markdown.ts';

const EXIT_ROWS = [
  [EXIT.ok, 'Done. `explain`, `token inspect` and `health`: allowed, accepted, yes.'],
  [EXIT.failed, 'Not done, refused, or not in order. The output says why.'],
  [EXIT.usage, 'The command line is not understood (EX_USAGE of sysexits.h).'],
  [EXIT.config, '`serve` did not start because the configuration is not in order (EX_CONFIG).'],
] as const;

export function cliMarkdown(): string {
  return [
    GENERATED,
    '# Command line',
    'What a command was asked for goes to standard output, everything else to standard error. Relative paths start where ' +
      'the command is called; those inside a configuration file start at the folder of the file.',
    table(
      ['Command', 'What it does'],
      COMMANDS.map(({ name, summary }) => [`[${code(name)}](#${anchor(name)})`, summary]),
    ),
    '## Exit codes',
    table(
      ['Code', 'Meaning'],
      EXIT_ROWS.map(([number, meaning]) => [String(number), meaning]),
    ),
    ...COMMANDS.map(section),
    '',
  ].join('\n\n');
}

function section(command: Command): string {
  return `## ${command.name}\n\n\`\`\`text\n${commandHelp(command)}\`\`\``;
}

function anchor(name: string): string {
  return name.replaceAll(' ', '-');
}
