/** From a file on disk to a configuration in which everything that can be checked beforehand was checked. */
import { isUtf8 } from 'node:buffer';
import { availableParallelism } from 'node:os';
import type { AttributeLookup } from '../claims/store.ts';
import { type Compiled, compileConfig } from '../config/compile.ts';
import { type ConfigIssue, inOrder } from '../config/issue.ts';
import { type LoadedConfig, type LoadFailure, loadConfig, withFurther } from '../config/load.ts';
import type { BindAddress } from '../config/schema/address.ts';
import { listenersSchema } from '../config/schema/listeners.ts';
import { statedText } from '../config/stated.ts';
import type { Clock } from '../core/time.ts';
import { faultsOfGivenKeys } from '../jwt/keyring.ts';
import type { VerificationKey } from '../jwt/verification-key.ts';
import { ServiceError } from '../tokens/failure.ts';
import { type ConfigurationFiles, diskFiles } from './configuration-files.ts';
import { lambdaIssues } from './lambda-issues.ts';
import { fileCause } from './ports.ts';
import { importRealmKeys, RealmKeyError } from './realms.ts';
import { createRetrievers, noStore } from './retrievers.ts';
import { keyFactory } from './token-keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Configuration {
  readonly compiled: Compiled;
  /** Imported keys of each realm, by realm name. */
  readonly realmKeys: ReadonlyMap<string, readonly VerificationKey[]>;
}

export type ConfigurationResult =
  | { readonly configuration: Configuration }
  | { readonly issues: readonly ConfigIssue[] };

/** Never throws for what stands in the file, nor where it cannot be read: that is an issue too. */
export async function readConfiguration(
  path: string,
  environment: Environment,
  clock: Clock,
  files: ConfigurationFiles = diskFiles,
  lookup: AttributeLookup = noStore,
): Promise<ConfigurationResult> {
  const loaded = loadFile(path, environment, files);
  if ('config' in loaded) return await checked(loaded.config, clock, files, lookup);
  if (loaded.rest === null) return { issues: loaded.issues };
  const further = await checked(loaded.rest, clock, files, lookup);
  return { issues: 'issues' in further ? withFurther(loaded.issues, further.issues) : loaded.issues };
}

/** What its parts say about each other, and what they refer to. */
async function checked(
  config: LoadedConfig,
  clock: Clock,
  files: ConfigurationFiles,
  lookup: AttributeLookup,
): Promise<ConfigurationResult> {
  const retrievers = createRetrievers(clock, lookup);
  const result = compileConfig(config, {
    processors: availableParallelism(),
    readFile: (file) => files.read(file),
    isReadableByOthers: (file) => files.isReadableByOthers(file),
    retrieverFor: retrievers.retrieverFor,
  });
  if ('issues' in result) return result;
  const failures = await retrievers.failures();
  if (failures.length > 0)
    return { issues: failures.map((message) => config.issue(['assertion', 'userClaims'], message)) };
  const unusable = [
    ...signingKeyIssues(config, result.compiled),
    ...(await seedKeyIssues(config, result.compiled)),
    ...(await lambdaIssues(config, result.compiled)),
  ];
  return unusable.length > 0 ? { issues: inOrder(unusable) } : withKeys(config, result.compiled);
}

/** Keys of the operator that cannot sign assertions, alone or together. Generated ones are in order, or their store says so. */
function signingKeyIssues(config: LoadedConfig, { assertion }: Compiled): ConfigIssue[] {
  if (assertion === null || assertion.keys === null) return [];
  return faultsOfGivenKeys(assertion.keys, assertion.algorithms).map(({ index, message }) =>
    config.issue(['assertion', 'keys', ...(index === null ? [] : [index])], message),
  );
}

/** Keys of the token service that cannot be read, or are too weak. */
async function seedKeyIssues(config: LoadedConfig, { tokenService }: Compiled): Promise<ConfigIssue[]> {
  const keys = tokenService?.seed.keys ?? [];
  const found = keys.map(async ({ id: _, name: __, kid: ___, algorithm, ...given }, index) => {
    if (Object.values(given).every((text) => text === undefined)) return [];
    try {
      await keyFactory.read(given, algorithm);
      return [];
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return [config.issue(['tokenService', 'keys', index], error.message)];
    }
  });
  return (await Promise.all(found)).flat();
}

function withKeys(config: LoadedConfig, compiled: Compiled): ConfigurationResult {
  try {
    return { configuration: { compiled, realmKeys: importRealmKeys(compiled) } };
  } catch (error) {
    if (!(error instanceof RealmKeyError)) throw error;
    return { issues: inOrder([config.issue([...error.settings.path, 'signingKey'], error.message)]) };
  }
}

/** Bytes that are no UTF-8 would be read as U+FFFD: an issuer would be another than the file says. */
function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('it is no UTF-8 text');
  return Buffer.from(bytes).toString('utf8');
}

/** The file against its schema, without what it refers to. */
export function loadFile(
  path: string,
  environment: Environment,
  files: ConfigurationFiles = diskFiles,
): { readonly config: LoadedConfig } | LoadFailure {
  try {
    return loadConfig({ path, text: textOf(files.read(path)) }, environment);
  } catch (error) {
    const message = `cannot be read: ${fileCause(error)}`;
    return { issues: [{ file: path, line: 1, column: 1, path: '', message, excerpt: '' }], rest: null };
  }
}

/**
 * Where the ops listener of a gateway is that runs with the file, or with the one before it where this has mistakes:
 * what it says of the listener counts all the same, and the default where it says nothing that could be one.
 */
export function opsBindOf(
  path: string,
  environment: Environment,
): { readonly bind: BindAddress; readonly isInOrder: boolean } {
  const loaded = loadFile(path, environment);
  if ('config' in loaded) return { bind: loaded.config.settings.listeners.ops.bind, isInOrder: true };
  const stated = listenersSchema.safeParse({ ops: { bind: statedOpsBind(path, environment) } });
  const listeners = stated.success ? stated.data : listenersSchema.parse(undefined);
  return { bind: listeners.ops.bind, isInOrder: false };
}

function statedOpsBind(path: string, environment: Environment): string | undefined {
  try {
    return statedText(textOf(diskFiles.read(path)), environment, ['listeners', 'ops', 'bind']);
  } catch {
    return undefined; // the file is gone or unreadable
  }
}
