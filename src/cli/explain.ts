/** `countersign explain`: decides a request as the gateway would, and says each step. */
import { createAttributeSource } from '../app/attribute-source.ts';
import { explainRequest } from '../app/explain.ts';
import { type Command, EXIT, UsageError } from './command.ts';
import { readOrFail } from './configuration.ts';
import { CONFIG_OPTION } from './options.ts';

export const explainCommand: Command = {
  name: 'explain',
  summary:
    'Decide a request step by step: route, realms, key, checks, roles, assertion. Nothing is forwarded.',
  arguments: 'METHOD URL',
  options: {
    ...CONFIG_OPTION,
    token: { type: 'string', value: 'TOKEN', help: 'Sent as Authorization: Bearer.' },
    header: {
      type: 'string',
      short: 'H',
      value: 'NAME:VALUE',
      multiple: true,
      help: 'A further header; may be repeated.',
    },
  },
  example: 'countersign explain --token "$TOKEN" GET http://localhost:8080/admin',
  run: async (input, io) => {
    const [method, url] = input.positionals;
    if (method === undefined || url === undefined) throw new UsageError('METHOD and URL are needed');
    const headers = input.texts('header').map(headerOf);
    const attributes = createAttributeSource();
    const configuration = await readOrFail(input, io, attributes.lookup);
    if (configuration === null) return EXIT.failed;
    const token = input.text('token') ?? null;
    const request = { method, url, token, headers };
    const { text, isAllowed } = await explainRequest({ configuration, attributes }, request);
    io.out(text);
    return isAllowed ? EXIT.ok : EXIT.failed;
  },
};

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new UsageError(`--header ${text} is not NAME:VALUE`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}
