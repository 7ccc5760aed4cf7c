/** `countersign health`: asks the gateway on this machine how it is, for the HEALTHCHECK of a container. */
import { opsBindOf } from '../app/configuration.ts';
import type { BindAddress } from '../config/schema/address.ts';
import { type CliIo, type Command, type CommandInput, EXIT, UsageError } from './command.ts';
import { CONFIG_OPTION, DEFAULT_CONFIG } from './options.ts';

/** A gateway that needs longer for one constant line has no health to speak of. */
const ANSWER_TIMEOUT_MS = 3000;

const PATHS: ReadonlyMap<string, string> = new Map([
  ['alive', '/healthz'],
  ['ready', '/readyz'],
]);

export const healthCommand: Command = {
  name: 'health',
  summary: 'Ask the running gateway whether it is alive (the default) or ready; exit code 0 means yes.',
  arguments: '[alive|ready]',
  options: CONFIG_OPTION,
  example: 'countersign health ready --config /etc/countersign/countersign.yaml',
  run: async (input, io) => {
    const path = PATHS.get(input.positionals[0] ?? 'alive');
    if (path === undefined || input.positionals.length > 1) throw new UsageError('ask for alive or ready');
    const url = `${opsOrigin(opsBind(input, io))}${path}`;
    const { isGood, text } = await ask(url);
    (isGood ? io.out : io.err)(`${text.trimEnd()}\n`);
    return isGood ? EXIT.ok : EXIT.failed;
  },
};

/**
 * A file with a mistake does not stop a gateway that runs, and must not make it look dead: where its ops listener is
 * stands there all the same. Only where that cannot be read either, the default is asked.
 */
function opsBind(input: CommandInput, io: CliIo): BindAddress {
  const path = input.text('config') ?? DEFAULT_CONFIG;
  const { bind, isInOrder } = opsBindOf(path, io.env);
  if (!isInOrder) io.err(`${path} is not in order: asking at ${opsOrigin(bind)}\n`);
  return bind;
}

function opsOrigin({ host, port }: BindAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function ask(url: string): Promise<{ readonly isGood: boolean; readonly text: string }> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await fetch(url, { redirect: 'error', signal });
    return { isGood: response.ok, text: await response.text() };
  } catch (error) {
    return { isGood: false, text: `no answer from ${url}: ${reasonOf(error)}` };
  }
}

/** fetch() says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
