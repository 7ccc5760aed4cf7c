/** What minting needs beyond the policies of the routes: the keys that sign, and what is published. */
import type { AssertionPolicy } from '../../core/assertion.ts';
import { foldHeaderName } from '../../core/headers.ts';
import type { SigningAlgorithm } from '../schema/algorithm.ts';
import type { AssertionConfig } from '../schema/assertion.ts';
import type { CompileContext } from './context.ts';

/** A configured key that signs assertions. */
export interface SigningKeyFile {
  readonly id: string;
  readonly state: 'next' | 'active' | 'retired';
  /** Private key in PEM; for HS256 the secret itself. */
  readonly privateKey: string;
  /** Null where none is configured: then there is no `x5t`. */
  readonly certificatePem: string | null;
}

/** What minting needs beyond the policies of the routes. */
export interface AssertionSettings {
  /** Algorithms that routes sign with; empty where all assertions are unsigned. */
  readonly algorithms: readonly SigningAlgorithm[];
  /** Null: generated in `dataDir`, or in the store that instances share. */
  readonly keys: readonly SigningKeyFile[] | null;
  /** Longest life of an assertion on any route: as long a retired key stays published. */
  readonly longestTtlMs: number;
  /** The public keys are served at /.well-known/jwks.json and /jwks. */
  readonly jwksEndpoint: boolean;
  /** Assertions remembered. */
  readonly cacheMax: number;
}

/** Null where no route mints. */
export function assertionSettings(
  policies: readonly AssertionPolicy[],
  context: CompileContext,
): AssertionSettings | null {
  const block = context.config.settings.assertion;
  if (block === undefined || policies.length === 0) return null;
  checkHeaders(policies, context);
  const algorithms = [...new Set(policies.map(({ algorithm }) => algorithm))].filter(isSigned);
  if (block.keys === undefined && algorithms.length > 0 && !isStoreShared(context))
    context.warn(
      ['assertion'],
      'keys are generated in dataDir: give keys, or a store of driver postgres, where more than one instance runs, or backends trust only one',
    );
  return {
    algorithms,
    keys: block.keys === undefined ? null : keyFiles(block.keys, context),
    longestTtlMs: Math.max(...policies.map(({ ttlMs }) => ttlMs)),
    jwksEndpoint: block.jwksEndpoint,
    cacheMax: block.cache.max,
  };
}

/** Generated keys are kept in it then. */
function isStoreShared({ config: { settings } }: CompileContext): boolean {
  return settings.tokenService !== undefined && settings.store.driver === 'postgres';
}

function isSigned(algorithm: string): algorithm is SigningAlgorithm {
  return algorithm !== 'none';
}

function keyFiles(keys: NonNullable<AssertionConfig['keys']>, context: CompileContext): SigningKeyFile[] {
  const path = ['assertion', 'keys'];
  if (!keys.some(({ state }) => state === 'active'))
    context.refuse(path, 'no key is active: nothing could be signed');
  return keys.flatMap(({ id, state, privateKeyFile, certificateFile }, index) => {
    const place = [...path, index];
    if (keys.findIndex((other) => other.id === id) !== index)
      context.refuse([...place, 'id'], `"${id}" is used twice`);
    const privateKey = context.readSecretText(privateKeyFile, [...place, 'privateKeyFile']);
    const certificatePem =
      certificateFile === null ? null : context.readText(certificateFile, [...place, 'certificateFile']);
    return privateKey === null ? [] : [{ id, state, privateKey, certificatePem }];
  });
}

/** Backends fold names: X-Identity and X_Identity would be one header with two meanings. */
function checkHeaders(policies: readonly AssertionPolicy[], context: CompileContext): void {
  const spellings = new Map<string, string>();
  for (const { header } of policies) {
    const first = spellings.get(foldHeaderName(header));
    if (first === undefined) spellings.set(foldHeaderName(header), header);
    else if (first !== header)
      context.refuse(
        ['assertion'],
        `the headers ${first} and ${header} are one to many backends; spell them alike`,
      );
  }
}
