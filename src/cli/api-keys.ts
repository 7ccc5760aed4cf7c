/** `countersign api-keys …`: who may call the token service's API. */
import {
  createApiKeyFor,
  listApiKeys,
  type PermittedMethod,
  permittedMethod,
  permittedMethods,
  revokeApiKey,
} from '../app/api-keys.ts';
import { nearestName } from '../config/suggest.ts';
import { type Command, UsageError } from './command.ts';
import { withConfiguration } from './configuration.ts';
import { CONFIG_OPTION } from './options.ts';
import { table } from './table.ts';

export const apiKeysCommands: readonly Command[] = [
  {
    name: 'api-keys create',
    summary: 'Make an API key and print it, once. A running gateway takes it within a second.',
    options: {
      ...CONFIG_OPTION,
      name: { type: 'string', value: 'TEXT', help: 'For people.' },
      tenant: { type: 'string', value: 'UUID', help: 'The only tenant it can reach; default: every one.' },
      allow: {
        type: 'string',
        value: 'METHODS:PATH',
        multiple: true,
        help: 'For example GET:/api/jwt/refresh or GET,DELETE:/api/user; several times; default: everything.',
      },
    },
    example: 'countersign api-keys create --name billing --allow GET:/api/jwt/refresh',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const { id, key } = await createApiKeyFor(configuration, {
          name: input.text('name'),
          tenantId: input.text('tenant') ?? null,
          permissions: { endpoints: Object.fromEntries(input.texts('allow').map(permission)) },
        });
        io.err(`id ${id}\n`);
        io.out(`${key}\n`);
      }),
  },
  {
    name: 'api-keys list',
    summary: 'List API keys: id, name, tenant, permissions, and whether the file or the API made them.',
    options: CONFIG_OPTION,
    example: 'countersign api-keys list',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const keys = await listApiKeys(configuration);
        if (keys.length === 0) io.err('no API keys\n');
        else io.out(table(keys));
      }),
  },
  {
    name: 'api-keys revoke',
    summary: 'Delete an API key. A running gateway refuses it within a second.',
    arguments: 'ID',
    options: CONFIG_OPTION,
    example: 'countersign api-keys revoke 9c8f5e0e-3a55-4a0e-9d1c-5a6d8a6d2b11',
    run: (input, io) =>
      withConfiguration(input, io, async (configuration) => {
        const [id] = input.positionals;
        if (id === undefined) throw new UsageError('the id is missing');
        await revokeApiKey(configuration, id);
        io.out(`${id} is revoked\n`);
      }),
  },
];

function permission(text: string): readonly [path: string, methods: PermittedMethod[]] {
  const [, methods = '', path = ''] = /^([A-Z,]+):(\/.*)$/.exec(text) ?? [];
  const named = methods.split(',').map(permittedMethod);
  const known = named.filter((method) => method !== undefined);
  if (path === '' || known.length < named.length)
    throw new UsageError(`--allow ${text}: write METHODS:PATH, like GET,DELETE:/api/user`);
  requireServed(path, known);
  return [path, known];
}

/** A permission for what the API does not have would be a key that opens nothing. */
function requireServed(path: string, methods: readonly PermittedMethod[]): void {
  const served = permittedMethods();
  const methodsThere = served.get(path);
  if (methodsThere === undefined)
    throw new UsageError(`--allow: the API has no ${path}; near are ${nearPaths(path, [...served.keys()])}`);
  const missing = methods.find((method) => !methodsThere.has(method));
  if (missing !== undefined)
    throw new UsageError(`--allow: ${path} has no ${missing}, only ${[...methodsThere].join(', ')}`);
}

/** `/api/jwt`, what stands there, and what is spelt alike; all paths where nothing is near. */
function nearPaths(path: string, known: readonly string[]): string {
  const [, area = '', group = ''] = path.split('/');
  const start = `/${area}/${group}`;
  const beside = known.filter((one) => one === start || one.startsWith(`${start}/`));
  const near = new Set([nearestName(path, known) ?? [], beside].flat());
  return [...(near.size === 0 ? known : near)].join(', ');
}
