/** `countersign keys …`: the signing keys in `dataDir`, and the key sets of the realms. */

import type { Configuration } from '../app/configuration.ts';
import {
  exportSigningKeys,
  generateSigningKeyFor,
  keySetReports,
  listSigningKeys,
  noSigningKeys,
  retireSigningKey,
  rotateSigningKeys,
} from '../app/keys.ts';
import { type CliIo, type Command, UsageError } from './command.ts';
import { withConfiguration } from './configuration.ts';
import { CONFIG_OPTION } from './options.ts';
import { table } from './table.ts';

const ALGORITHM_OPTION = {
  algorithm: {
    type: 'string',
    value: 'NAME',
    help: 'RS256, PS256, ES256, ES384, EdDSA, HS256 …; default: those of the assertion block.',
  },
} as const;

export const keysCommands: readonly Command[] = [
  {
    name: 'keys list',
    summary: 'List the keys that sign assertions, and the key sets that realms verify with.',
    options: CONFIG_OPTION,
    example: 'countersign keys list --config config/countersign.yaml',
    run: (input, io) => withConfiguration(input, io, (configuration) => list(configuration, io)),
  },
  {
    name: 'keys generate',
    summary: 'Make a signing key in state next: published from now on, signing after the next rotation.',
    options: { ...CONFIG_OPTION, ...ALGORITHM_OPTION },
    example: 'countersign keys generate --algorithm ES256',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        for (const { id, algorithm, state } of await generateSigningKeyFor(
          configuration,
          input.text('algorithm') ?? null,
        ))
          io.out(`${id}  ${algorithm}  ${state}\n`);
      }),
  },
  {
    name: 'keys rotate',
    summary:
      'Let the next key sign, retire the active one, make a new next one. Running gateways follow within 30 s.',
    options: {
      ...CONFIG_OPTION,
      ...ALGORITHM_OPTION,
      force: {
        type: 'boolean',
        help: 'Rotate although backends may not know the new key yet: for a key that has leaked.',
      },
    },
    example: 'countersign keys rotate',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const rotations = await rotateSigningKeys(configuration, {
          algorithm: input.text('algorithm') ?? null,
          force: input.flag('force'),
        });
        for (const { algorithm, activatedId, retiredId, nextId } of rotations)
          io.out(`${algorithm}: ${activatedId} signs, ${retiredId} is retired, ${nextId} is next\n`);
      }),
  },
  {
    name: 'keys retire',
    summary: 'Take a next or retired key out of the published set at once.',
    arguments: 'KID',
    options: CONFIG_OPTION,
    example: 'countersign keys retire 0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbW',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const [id] = input.positionals;
        if (id === undefined) throw new UsageError('the kid is missing');
        await retireSigningKey(configuration, id);
        io.out(`${id} is no longer published\n`);
      }),
  },
  {
    name: 'keys export',
    summary: 'Print the published keys, for backends that cannot fetch them.',
    options: {
      ...CONFIG_OPTION,
      format: { type: 'string', value: 'FORMAT', help: 'jwks or pem.', default: 'jwks' },
    },
    example: 'countersign keys export --format pem > countersign.pem',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const format = input.text('format');
        if (format !== 'jwks' && format !== 'pem') throw new UsageError('--format is jwks or pem');
        io.out(`${(await exportSigningKeys(configuration, format)).trimEnd()}\n`);
      }),
  },
];

async function list(configuration: Configuration, io: CliIo): Promise<void> {
  const keys = await listSigningKeys(configuration);
  const none = `  ${noSigningKeys(configuration)}\n`;
  io.out(`Signing keys\n${keys.length === 0 ? none : table(keys.map((key) => ['', ...key]))}`);
  const sets = await keySetReports(configuration);
  if (sets.length === 0) return;
  io.out('\nKey sets of realms\n');
  for (const { realms, url, state, kids, rejected, lastError } of sets) {
    io.out(`  ${realms.join(', ')}  ${state}  ${url}  keys: ${kids.join(', ') || 'none'}\n`);
    for (const reason of rejected) io.out(`    left out: ${reason}\n`);
    if (lastError !== null) io.out(`    last error: ${lastError}\n`);
  }
}
