/** `countersign check`: everything that is wrong with a configuration, at once, with its place. */
import { readConfiguration } from '../app/configuration.ts';
import { systemClock } from '../app/ports.ts';
import { formatIssues } from '../config/issue.ts';
import { type Command, EXIT } from './command.ts';
import { CONFIG_OPTION, configPath } from './options.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'Check a configuration file: every mistake and every risk, with line and column.',
  arguments: '[FILE]',
  options: {
    ...CONFIG_OPTION,
    strict: { type: 'boolean', help: 'Fail on warnings too.' },
  },
  example: 'countersign check config/countersign.yaml',
  run: async (input, io) => {
    const path = configPath(input);
    const result = await readConfiguration(path, io.env, systemClock);
    if ('issues' in result) {
      io.err(`${formatIssues(result.issues)}\n`);
      io.err(`${path}: ${count(result.issues.length, 'problem')}\n`);
      return EXIT.failed;
    }
    const { warnings, realms, routes } = result.configuration.compiled;
    if (warnings.length > 0)
      io.err(
        `${formatIssues(warnings.map((warning) => ({ ...warning, message: `warning: ${warning.message}` })))}\n`,
      );
    const summary = [
      count(realms.length, 'realm'),
      count(routes.routes.length, 'route'),
      count(warnings.length, 'warning'),
    ];
    io.out(`${path}: ok, ${summary.join(', ')}\n`);
    return warnings.length > 0 && input.flag('strict') ? EXIT.failed : EXIT.ok;
  },
};

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
