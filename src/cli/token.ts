/** `countersign token mint` and `countersign token inspect`: tokens of callers, made and looked into. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createAttributeSource } from '../app/attribute-source.ts';
import { callerToken } from '../app/caller-token.ts';
import { inspectToken } from '../app/explain.ts';
import { fileCause, systemClock } from '../app/ports.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parseDurationMs } from '../core/time.ts';
import { type CliIo, type Command, type CommandInput, EXIT, UsageError } from './command.ts';
import { readOrFail } from './configuration.ts';
import { readInput, STANDARD_INPUT } from './input.ts';
import { CONFIG_OPTION, required } from './options.ts';

/** Beyond every limit that a listener can be given. */
const TOKEN_BYTES_MAX = 1024 * 1024;

export const tokenMintCommand: Command = {
  name: 'token mint',
  summary: 'Make a token that a realm accepts, signed with the realm’s own secret or with a private key.',
  options: {
    ...CONFIG_OPTION,
    realm: { type: 'string', value: 'NAME', help: 'The realm that shall accept the token.' },
    sub: { type: 'string', value: 'SUBJECT', help: 'The caller.' },
    group: {
      type: 'string',
      value: 'GROUP',
      multiple: true,
      help: 'A group of the caller; may be repeated.',
    },
    scope: { type: 'string', value: 'SCOPE', multiple: true, help: 'A scope; may be repeated.' },
    claim: {
      type: 'string',
      value: 'NAME=VALUE',
      multiple: true,
      help: 'A further claim; VALUE is JSON or plain text; may be repeated.',
    },
    ttl: { type: 'string', value: 'DURATION', help: 'Life of the token.', default: '1h' },
    'private-key': {
      type: 'string',
      value: 'FILE',
      help: 'PEM of the key that signs, for realms with public keys.',
    },
    kid: { type: 'string', value: 'KID', help: 'The kid of the token’s header.' },
  },
  example: 'countersign token mint --realm demo --sub alice --group staff',
  run: async (input, io) => {
    const order = {
      realm: required(input, 'realm'),
      subject: required(input, 'sub'),
      groups: input.texts('group'),
      scopes: input.texts('scope'),
      claims: claimsOf(input),
      lifeMs: lifeOf(input),
      nowMs: systemClock(),
      privateKeyPem: privateKeyPem(input, io),
      kid: input.text('kid') ?? null,
    };
    const configuration = await readOrFail(input, io);
    if (configuration === null) return EXIT.failed;
    io.out(`${await callerToken(configuration, order)}\n`);
    return EXIT.ok;
  },
};

function lifeOf(input: CommandInput): number {
  const lifeMs = parseDurationMs(input.text('ttl') ?? '');
  if (lifeMs === undefined) throw new UsageError('--ttl is no duration: write 30s, 5m or 1h');
  return lifeMs;
}

function privateKeyPem(input: CommandInput, io: CliIo): string | null {
  const path = input.text('private-key');
  if (path === undefined) return null;
  try {
    return readFileSync(resolve(io.cwd, path), 'utf8');
  } catch (cause) {
    throw new Error(`--private-key ${path} cannot be read: ${fileCause(cause)}`, { cause });
  }
}

function claimsOf(input: CommandInput): JsonObject {
  return Object.fromEntries(input.texts('claim').map(claimOf));
}

function claimOf(text: string): [string, Json] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError(`--claim ${text} is not NAME=VALUE`);
  const value = text.slice(equals + 1);
  try {
    return [text.slice(0, equals), JSON.parse(value)];
  } catch {
    return [text.slice(0, equals), value];
  }
}

export const tokenInspectCommand: Command = {
  name: 'token inspect',
  summary:
    'Show a token, and for each realm whether it accepts it and why not; "-" reads it from standard input.',
  arguments: 'TOKEN',
  options: CONFIG_OPTION,
  example: 'countersign token inspect "$TOKEN"\ncountersign token inspect - < token.txt',
  run: async (input, io) => {
    const [given] = input.positionals;
    if (given === undefined) throw new UsageError('the token is missing; "-" reads it from standard input');
    const token = given === STANDARD_INPUT ? (await readInput(given, TOKEN_BYTES_MAX, io)).trim() : given;
    const attributes = createAttributeSource();
    const configuration = await readOrFail(input, io, attributes.lookup);
    if (configuration === null) return EXIT.failed;
    const { text, isAccepted } = await inspectToken({ configuration, attributes }, token);
    io.out(text);
    return isAccepted ? EXIT.ok : EXIT.failed;
  },
};
