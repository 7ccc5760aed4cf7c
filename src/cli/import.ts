/** `countersign import …`: the configuration of another product as one of ours, and what of it was left out. */
import { ImportError, type Imported } from '../import/imported.ts';
import { type CliIo, type Command, type CommandInput, EXIT, UsageError } from './command.ts';
import { readInput } from './input.ts';

/** The largest file that any of these products ships has 100 KiB. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The parsers are loaded by these commands alone: the gateway's own process never holds them. */
type LoadImporter = () => Promise<(text: string) => Imported>;

const OPTIONS = {
  strict: { type: 'boolean', help: 'Fail where something of the file could not be carried over.' },
} as const;

export const importCommands: readonly Command[] = [
  importCommand('app-manager', 'WSO2 App Manager’s app-manager.xml', 'app-manager.xml', async () => {
    return (await import('../import/app-manager.ts')).importAppManager;
  }),
  importCommand('apim', 'WSO2 API Manager’s deployment.toml', 'deployment.toml', async () => {
    return (await import('../import/apim.ts')).importApim;
  }),
  importCommand('fusion', 'the JSON of Lucidworks Fusion’s security realms', 'realm.json', async () => {
    return (await import('../import/fusion.ts')).importFusion;
  }),
];

function importCommand(source: string, what: string, file: string, load: LoadImporter): Command {
  return {
    name: `import ${source}`,
    summary: `Print the configuration that ${what} amounts to; FILE "-" is standard input.`,
    arguments: 'FILE',
    options: OPTIONS,
    example: `countersign import ${source} ${file} > countersign.yaml`,
    run: async (input, io) => await run(input, io, await load()),
  };
}

async function run(input: CommandInput, io: CliIo, importer: (text: string) => Imported): Promise<number> {
  const [path] = input.positionals;
  if (path === undefined) throw new UsageError('the file is missing');
  const { yaml, leftOut } = importFrom(await readInput(path, FILE_BYTES_MAX, io), path, importer);
  io.out(yaml);
  for (const one of leftOut) io.err(`${path}: not carried over: ${one.path}: ${one.reason}\n`);
  return leftOut.length > 0 && input.flag('strict') ? EXIT.failed : EXIT.ok;
}

function importFrom(text: string, path: string, importer: (text: string) => Imported): Imported {
  try {
    return importer(text);
  } catch (thrown) {
    if (thrown instanceof ImportError) throw new Error(`${path} ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}
