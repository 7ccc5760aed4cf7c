/** What the CLI does with signing keys and key sets, for one configuration. */
import type { Algorithm } from '../core/realm.ts';
import { type KeyEntry, openKeyDirectory } from '../jwt/key-files.ts';
import {
  exportKeys,
  generateKey,
  type KeyDirectory,
  listKeys,
  type Rotation,
  retireKey,
  rotateKeys,
} from '../jwt/key-operations.ts';
import { openKeyring } from '../jwt/keyring.ts';
import { signingAlgorithm } from '../jwt/signing-key.ts';
import type { Configuration } from './configuration.ts';
import { systemClock } from './ports.ts';
import { type KeySetReport, keySetStatuses } from './readiness.ts';
import { bindRealms } from './realms.ts';
import { createQuietRuntime } from './runtime.ts';
import { signingKeyDirectory } from './snapshot.ts';

/** Signing keys are not where this command could change them. For the operator. */
export class KeysCommandError extends Error {
  override readonly name = 'KeysCommandError';
}

/** Kid, algorithm, state, and since when. */
export async function listSigningKeys({ compiled }: Configuration): Promise<string[][]> {
  const { assertion, dataDir } = compiled;
  if (assertion !== null && assertion.keys !== null)
    return assertion.keys.map(({ id, state }) => [id, 'from a file', state]);
  const entries = await listKeys({ directory: signingKeyDirectory(dataDir) });
  return entries.map(({ id, algorithm, state, createdAtMs, activatedAtMs, retiredAtMs }) => [
    id,
    algorithm,
    state,
    `since ${new Date(retiredAtMs ?? activatedAtMs ?? createdAtMs).toISOString()}`,
  ]);
}

/** One key for each algorithm of the assertion block, or for the given one. */
export async function generateSigningKeyFor(
  configuration: Configuration,
  algorithm: string | null,
): Promise<KeyEntry[]> {
  const wanted =
    algorithm === null ? (configuration.compiled.assertion?.algorithms ?? []) : [signingAlgorithm(algorithm)];
  if (wanted.length === 0) throw new KeysCommandError('the configuration signs nothing: give --algorithm');
  const directory = await keyDirectory(configuration);
  const made: KeyEntry[] = [];
  for (const one of wanted) made.push(await generateKey(directory, one));
  return made;
}

export async function rotateSigningKeys(
  configuration: Configuration,
  { algorithm, force }: { readonly algorithm: string | null; readonly force: boolean },
): Promise<readonly Rotation[]> {
  const wanted: Algorithm | null = algorithm === null ? null : signingAlgorithm(algorithm);
  return await rotateKeys(await keyDirectory(configuration), { algorithm: wanted, force });
}

export async function retireSigningKey(configuration: Configuration, id: string): Promise<void> {
  await retireKey(await keyDirectory(configuration), id);
}

export async function exportSigningKeys(
  configuration: Configuration,
  format: 'jwks' | 'pem',
): Promise<string> {
  const given = configuration.compiled.assertion?.keys ?? null;
  if (given === null)
    return await exportKeys(
      { directory: signingKeyDirectory(configuration.compiled.dataDir), clock: systemClock },
      format,
    );
  const algorithms = configuration.compiled.assertion?.algorithms ?? [];
  const { log } = createQuietRuntime(configuration.compiled);
  const keyring = await openKeyring({
    source: { keys: given },
    algorithms,
    longestTtlMs: 0,
    clock: systemClock,
    log,
  });
  return format === 'jwks' ? keyring.published().jwks().body : keyring.published().pem();
}

async function keyDirectory(configuration: Configuration): Promise<KeyDirectory> {
  const { compiled } = configuration;
  if (compiled.assertion !== null && compiled.assertion.keys !== null)
    throw new KeysCommandError('the signing keys are files named in assertion.keys: change them there');
  const directory = signingKeyDirectory(compiled.dataDir);
  await openKeyDirectory(directory, createQuietRuntime(compiled).log);
  return { directory, clock: systemClock, longestTtlMs: compiled.assertion?.longestTtlMs ?? 0 };
}

/** Keys of the token service are no key set that is fetched. */
const NOT_ASKED = { missing: 'the token service is not asked' };

/** Fetches every key set once. */
export async function keySetReports(configuration: Configuration): Promise<readonly KeySetReport[]> {
  const { registry } = createQuietRuntime(configuration.compiled);
  const realms = bindRealms(configuration.compiled, configuration.realmKeys, registry, NOT_ASKED);
  const keySets = realms.map(({ remote }) => remote).filter((remote) => remote !== null);
  await Promise.all(keySets.map((keySet) => keySet.start()));
  const reports = keySetStatuses(realms);
  for (const keySet of keySets) registry.release(keySet);
  return reports;
}
