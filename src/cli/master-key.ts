/** `countersign master-key …`: which master keys the store needs, and how a previous one is done without. */
import {
  forgetMasterKey,
  type MasterKeyReport,
  reportMasterKeys,
  resealNow,
} from '../app/master-key-commands.ts';
import { type CliIo, type Command, type CommandInput, EXIT, UsageError } from './command.ts';
import { readOrFail, withConfiguration } from './configuration.ts';
import { CONFIG_OPTION } from './options.ts';
import { table } from './table.ts';

export const masterKeyCommands: readonly Command[] = [
  {
    name: 'master-key status',
    summary: 'Say which master keys the store needs. Exit code 0: previousMasterKeys can be emptied.',
    options: CONFIG_OPTION,
    example: 'countersign master-key status && echo "previousMasterKeys can be emptied"',
    run: status,
  },
  {
    name: 'master-key reseal',
    summary: 'Seal anew at once what previous master keys sealed. A running gateway does so by itself.',
    options: CONFIG_OPTION,
    example: 'countersign master-key reseal',
    run: resealAll,
  },
  {
    name: 'master-key forget',
    summary: 'Let the gateway start without a master key that is lost. What it sealed stays unreadable.',
    arguments: 'ID',
    options: CONFIG_OPTION,
    example: 'countersign master-key forget 0f3a9c51d2e84b67',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const [id] = input.positionals;
        if (id === undefined) throw new UsageError('the id is missing: `master-key status` shows it');
        await forgetMasterKey(configuration, id);
        io.out(`${id} is not asked for any more\n`);
      }),
  },
];

async function status(input: CommandInput, io: CliIo): Promise<number> {
  const configuration = await readOrFail(input, io);
  if (configuration === null) return EXIT.failed;
  const report = await reportMasterKeys(configuration);
  io.out(`${table(keyRows(report))}${table(valueRows(report))}${verdict(report)}\n`);
  return report.isSettled ? EXIT.ok : EXIT.failed;
}

function keyRows({ configured, used }: MasterKeyReport): string[][] {
  const lastUse = new Map(used.map(({ id, usedInstant }) => [id, usedInstant]));
  const unknown = used.map(({ id }) => id).filter((id) => !configured.includes(id));
  const name = (index: number) => (index === 0 ? 'masterKey' : `previousMasterKeys[${index - 1}]`);
  return [
    ...configured.map((id, index) => [id, name(index), useText(lastUse.get(id))]),
    ...unknown.map((id) => [id, 'not in the configuration', useText(lastUse.get(id))]),
  ];
}

function useText(usedInstant: number | undefined): string {
  if (usedInstant === undefined) return 'not needed';
  return usedInstant === 0 ? 'may be needed' : `last used ${new Date(usedInstant).toISOString()}`;
}

const PLACE_NAMES: Readonly<Record<MasterKeyReport['needs'][number]['place'], string>> = {
  lookupKey: 'the key of look-ups',
  catalogObjects: 'configuration objects',
  signingKeys: 'signing keys of assertions',
  refreshTokens: 'refresh tokens',
  webhookDeliveries: 'events for webhooks',
};

function valueRows({ needs, lost }: MasterKeyReport): string[][] {
  return [
    ...needs.map(({ place, keyId, values }) => [keyId, `seals ${PLACE_NAMES[place]}`, String(values)]),
    ...lost.map(({ place, values }) => ['no key', `opens ${PLACE_NAMES[place]}`, String(values)]),
  ];
}

function verdict({ isSettled, configured }: MasterKeyReport): string {
  if (!isSettled) return 'Previous master keys are still needed: keep them in previousMasterKeys.';
  return configured.length > 1
    ? 'previousMasterKeys can be emptied.'
    : 'The store needs no other master key than this.';
}

const OUTCOMES = {
  done: 'nothing needs a previous master key',
  inUse: 'a process sealed with another master key within the last 5 minutes: the rest waits for it to end',
  unknownKey: 'the store needs a master key that the configuration does not have',
} as const;

async function resealAll(input: CommandInput, io: CliIo): Promise<number> {
  const configuration = await readOrFail(input, io);
  if (configuration === null) return EXIT.failed;
  const { state, resealed } = await resealNow(configuration);
  io.out(`${resealed} values sealed anew; ${OUTCOMES[state]}\n`);
  return state === 'done' ? EXIT.ok : EXIT.failed;
}
