/** What the CLI does with signing keys and key sets, for one configuration. */
import type { Compiled } from '../config/compile.ts';
import { SIGNING_ALGORITHMS } from '../config/schema/algorithm.ts';
import { type Algorithm, SECRET_BYTES_MIN } from '../core/realm.ts';
import type { KeyEntry } from '../jwt/key-index.ts';
import {
  exportKeys,
  type GeneratedKeys,
  generateKey,
  listKeys,
  type Rotation,
  retireKey,
  rotateKeys,
} from '../jwt/key-operations.ts';
import { openKeyring } from '../jwt/keyring.ts';
import type { Configuration } from './configuration.ts';
import { type KeySetReport, keySetStatuses } from './readiness.ts';
import { bindRealms } from './realms.ts';
import { createQuietRuntime } from './runtime.ts';
import { sharesSigningKeys, signingKeyStorage } from './signing-keys.ts';
import { lookIntoTokenStore, openTokenStore } from './token-store.ts';

/** Signing keys are not where this command could change them. For the operator. */
export class KeysCommandError extends Error {
  override readonly name = 'KeysCommandError';
}

/** Kid, algorithm, state, and since when. */
export async function listSigningKeys({ compiled }: Configuration): Promise<string[][]> {
  const given = compiled.assertion?.keys ?? null;
  if (given !== null) return given.map(({ id, state }) => [id, 'from a file', state]);
  const entries = await withKeys(compiled, lookIntoTokenStore, listKeys);
  return entries.map(({ id, algorithm, state, createdAtMs, activatedAtMs, retiredAtMs }) => [
    id,
    algorithm,
    state,
    `since ${new Date(retiredAtMs ?? activatedAtMs ?? createdAtMs).toISOString()}`,
  ]);
}

/** What no assertion may have is refused here too: its key would be published, and never sign. @throws KeysCommandError */
function assertionAlgorithm(name: string): Algorithm {
  const algorithm = SIGNING_ALGORITHMS.find((known) => known === name);
  if (algorithm !== undefined) return algorithm;
  throw new KeysCommandError(
    `Algorithm ${name} cannot sign assertions: ${SIGNING_ALGORITHMS.join(', ')} can`,
  );
}

/** One key for each algorithm of the assertion block, or for the given one. */
export async function generateSigningKeyFor(
  { compiled }: Configuration,
  algorithm: string | null,
): Promise<KeyEntry[]> {
  const wanted =
    algorithm === null ? (compiled.assertion?.algorithms ?? []) : [assertionAlgorithm(algorithm)];
  if (wanted.length === 0) throw new KeysCommandError('the configuration signs nothing: give --algorithm');
  return await changeKeys(compiled, async (keys) => {
    const made: KeyEntry[] = [];
    for (const one of wanted) made.push(await generateKey(keys, one));
    return made;
  });
}

export async function rotateSigningKeys(
  { compiled }: Configuration,
  { algorithm, force }: { readonly algorithm: string | null; readonly force: boolean },
): Promise<readonly Rotation[]> {
  const wanted: Algorithm | null = algorithm === null ? null : assertionAlgorithm(algorithm);
  return await changeKeys(compiled, (keys) => rotateKeys(keys, { algorithm: wanted, force }));
}

export async function retireSigningKey({ compiled }: Configuration, id: string): Promise<void> {
  await changeKeys(compiled, (keys) => retireKey(keys, id));
}

/** Why there are no signing keys, for the operator. */
export function noSigningKeys({ compiled }: Configuration): string {
  const algorithms = compiled.assertion?.algorithms ?? [];
  if (algorithms.length === 0) return 'none: nothing is signed';
  return algorithms.every((algorithm) => SECRET_BYTES_MIN.has(algorithm))
    ? 'none: shared secrets sign, and are never published'
    : 'none yet: they are made when the gateway starts';
}

/** What is exported where there is no key: PEM, and a key set. */
const NOTHING: ReadonlySet<string> = new Set(['', JSON.stringify({ keys: [] })]);

/** @throws KeysCommandError where there is nothing to export: a backend that is given no keys refuses everybody */
export async function exportSigningKeys(
  configuration: Configuration,
  format: 'jwks' | 'pem',
): Promise<string> {
  const text = await exportedKeys(configuration, format);
  if (NOTHING.has(text)) throw new KeysCommandError(noSigningKeys(configuration));
  return text;
}

async function exportedKeys({ compiled }: Configuration, format: 'jwks' | 'pem'): Promise<string> {
  const given = compiled.assertion?.keys ?? null;
  if (given === null) return await withKeys(compiled, lookIntoTokenStore, (keys) => exportKeys(keys, format));
  const algorithms = compiled.assertion?.algorithms ?? [];
  const { clock, log } = createQuietRuntime(compiled);
  const keyring = await openKeyring({ source: { keys: given }, algorithms, longestTtlMs: 0, clock, log });
  return format === 'jwks' ? keyring.published().jwks().body : keyring.published().pem();
}

/** @throws KeysCommandError where the keys are the operator's own */
async function changeKeys<T>(compiled: Compiled, change: (keys: GeneratedKeys) => Promise<T>): Promise<T> {
  if (compiled.assertion !== null && compiled.assertion.keys !== null)
    throw new KeysCommandError('the signing keys are files named in assertion.keys: change them there');
  return await withKeys(compiled, openTokenStore, async (keys) => {
    await keys.storage.prepare(createQuietRuntime(compiled).log);
    return await change(keys);
  });
}

/** The store is opened only where the keys are kept in it. */
async function withKeys<T>(
  compiled: Compiled,
  open: typeof openTokenStore,
  use: (keys: GeneratedKeys) => Promise<T>,
): Promise<T> {
  const { clock, log } = createQuietRuntime(compiled);
  const tokenStore = sharesSigningKeys(compiled) ? await open(compiled, { clock, log }) : null;
  const storage = signingKeyStorage(compiled, tokenStore, clock);
  try {
    return await use({ storage, clock, longestTtlMs: compiled.assertion?.longestTtlMs ?? 0 });
  } finally {
    await tokenStore?.store.close();
  }
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
