/** `countersign realms` and `countersign routes`: what a configuration amounts to, one line each. */
import type { Compiled } from '../config/compile.ts';
import type { Requirements } from '../core/authorize.ts';
import type { Route } from '../core/route.ts';
import { type CliIo, type Command, type CommandInput, EXIT } from './command.ts';
import { readOrFail } from './configuration.ts';
import { CONFIG_OPTION } from './options.ts';
import { table } from './table.ts';

export const realmsCommand: Command = {
  name: 'realms',
  summary: 'List the realms: issuer, where keys come from, algorithms.',
  options: CONFIG_OPTION,
  example: 'countersign realms --config config/acceptance.yaml',
  run: (input, io) => list(input, io, realmRows),
};

export const routesCommand: Command = {
  name: 'routes',
  summary: 'List the routes: what they match, what they require, where they lead.',
  options: CONFIG_OPTION,
  example: 'countersign routes --config config/countersign.yaml',
  run: (input, io) => list(input, io, routeRows),
};

async function list(
  input: CommandInput,
  io: CliIo,
  rows: (compiled: Compiled) => string[][],
): Promise<number> {
  const configuration = await readOrFail(input, io);
  if (configuration === null) return EXIT.failed;
  io.out(table(rows(configuration.compiled)));
  return EXIT.ok;
}

function realmRows({ realms, realmKeys }: Compiled): string[][] {
  return realms.map((realm) => [
    realm.name,
    'jwt',
    `issuer=${realm.issuer}`,
    `keys=${keySources(realmKeys.get(realm.name))}`,
    `algorithms=${realm.allowUnsigned ? 'none' : realm.algorithms.join(',')}`,
    `audiences=${realm.audiences.join(',') || 'any'}`,
  ]);
}

function keySources(
  settings: Compiled['realmKeys'] extends ReadonlyMap<string, infer S> ? S | undefined : never,
): string {
  const sources = [
    settings?.signingKey?.kind ?? null,
    settings?.jwksUri ?? null,
    settings?.discovery === true ? 'discovery' : null,
  ].filter((source) => source !== null);
  return sources.length === 0 ? 'none (unsigned)' : sources.join('+');
}

function routeRows({ routes }: Compiled): string[][] {
  return routes.routes.map((route) => [
    route.name,
    `${route.hosts.join(',')}${route.pathPrefix}`,
    route.methods.join(',') || 'any method',
    `auth=${route.auth}${route.mode === 'shadow' ? ' (shadow)' : ''}`,
    `realms=${route.realms.map(({ name }) => name).join(',') || '-'}`,
    `require=${requirementText(route.require)}`,
    `assertion=${assertionText(route)}`,
    `-> ${route.upstream}`,
  ]);
}

function requirementText({ roles, scopes, claims }: Requirements): string {
  const parts = [
    roles.any.length > 0 ? `role ${roles.any.join('|')}` : '',
    roles.all.length > 0 ? `roles ${roles.all.join('+')}` : '',
    scopes.any.length > 0 ? `scope ${scopes.any.join('|')}` : '',
    scopes.all.length > 0 ? `scopes ${scopes.all.join('+')}` : '',
    ...claims.map(({ path, values }) => `${path.text}=${values.join('|')}`),
  ].filter((part) => part !== '');
  return parts.join(', ') || '-';
}

function assertionText({ assertion }: Route): string {
  return assertion === null ? '-' : `${assertion.header} (${assertion.profile}, ${assertion.algorithm})`;
}
