/** `tokenService`, `store` and `secrets`: what the token service runs on, and the objects it begins with. */
import { createHash } from 'node:crypto';
import { MASTER_KEY_BYTES_MIN } from '../../core/master-key.ts';
import { API_KEY_MIN_CHARS } from '../../objects/api-key.ts';
import { uuidFromHex } from '../../objects/derived-id.ts';
import { takesForeignAudiences } from '../../objects/identity-provider.ts';
import type { Seed, SeedKey } from '../../objects/seed.ts';
import type { ConfigPath } from '../issue.ts';
import type {
  SeedApiKeyConfig,
  SeedKeyConfig,
  SeedWebhookConfig,
  TokenServiceConfig,
} from '../schema/token-service.ts';
import type { CompileContext } from './context.ts';
import { secretText } from './secret-text.ts';
import { checkReferences } from './token-references.ts';

export type StoreSettings =
  | { readonly driver: 'sqlite' /** Absolute path. */; readonly file: string }
  | { readonly driver: 'postgres'; readonly url: string };

export interface TokenServiceSettings {
  readonly store: StoreSettings;
  /** Null: made in `dataDir`. */
  readonly masterKey: Uint8Array | null;
  readonly previousMasterKeys: readonly Uint8Array[];
  readonly seed: Seed;
  readonly lambdaLimits: { readonly timeoutMs: number; readonly memoryBytes: number };
  readonly cookies: TokenServiceConfig['cookies'];
  readonly anonymousLimit: TokenServiceConfig['anonymousLimit'];
  readonly compat: TokenServiceConfig['compat'];
}

const BLOCK = 'tokenService';

/** Null: no such block, or refused. */
export function compileTokenService(context: CompileContext): TokenServiceSettings | null {
  const { tokenService: config, secrets } = context.config.settings;
  if (config === undefined) {
    warnOfIdleBlocks(context);
    return null;
  }
  const masterKey = masterKeyOf(secrets.masterKey, ['secrets', 'masterKey'], context);
  const previous = secrets.previousMasterKeys.map((key, index) =>
    masterKeyOf(key, ['secrets', 'previousMasterKeys', index], context),
  );
  const { cookies, anonymousLimit, compat, lambdas } = config;
  checkUniqueIds(config, context);
  checkReferences(config, context);
  warnOfForeignAudiences(config, context);
  warnOfReplays(config, context);
  if (cookies.sameSite === 'None' && cookies.secure === false)
    context.refuse(
      [BLOCK, 'cookies', 'secure'],
      'must not be false with sameSite None: browsers drop such cookies',
    );
  return {
    store: storeOf(context),
    masterKey,
    previousMasterKeys: previous.filter((key) => key !== null),
    seed: seedOf(config, context),
    lambdaLimits: { timeoutMs: lambdas.limits.timeout, memoryBytes: lambdas.limits.memory },
    cookies,
    anonymousLimit,
    compat,
  };
}

function warnOfIdleBlocks(context: CompileContext): void {
  const { store, secrets, listeners } = context.config.settings;
  if (listeners.api.enabled)
    context.refuse(['listeners', 'api', 'enabled'], 'needs a tokenService block: there is nothing to serve');
  if (store.driver !== 'sqlite') context.warn(['store'], 'has no effect without a tokenService block');
  if (secrets.masterKey !== null) context.warn(['secrets'], 'has no effect without a tokenService block');
}

function warnOfForeignAudiences({ identityProviders }: TokenServiceConfig, context: CompileContext): void {
  for (const [index, provider] of identityProviders.entries())
    if (takesForeignAudiences(provider))
      context.warn(
        [BLOCK, 'identityProviders', index],
        'no audiences: tokens that the issuer made for other services become logins',
      );
}

/** FusionAuth’s default, which rows of its API expect: a copy that is used is refused, and the other one goes on. */
function warnOfReplays({ tenants, applications }: TokenServiceConfig, context: CompileContext): void {
  const warn = (
    path: ConfigPath,
    { jwtConfiguration }: Pick<TokenServiceConfig['tenants'][number], 'jwtConfiguration'>,
  ) => {
    const { refreshTokenUsagePolicy, refreshTokenRevocationPolicy } = jwtConfiguration;
    if (refreshTokenUsagePolicy === 'OneTimeUse' && !refreshTokenRevocationPolicy.onOneTimeTokenReuse)
      context.warn(
        [...path, 'jwtConfiguration', 'refreshTokenUsagePolicy'],
        'a used value that comes again ends no session (RFC 9700 §4.14.2); set refreshTokenRevocationPolicy.onOneTimeTokenReuse',
      );
  };
  for (const [index, tenant] of tenants.entries()) warn([BLOCK, 'tenants', index], tenant);
  for (const [index, application] of applications.entries())
    if (application.jwtConfiguration.enabled) warn([BLOCK, 'applications', index], application);
}

function storeOf(context: CompileContext): StoreSettings {
  const { store, secrets, dataDir } = context.config.settings;
  if (store.driver === 'sqlite')
    return { driver: 'sqlite', file: `${context.resolvePath(dataDir)}/countersign.db` };
  if (secrets.masterKey === null)
    context.refuse(['store', 'driver'], 'postgres needs secrets.masterKey: its instances must share one');
  const url = secretText(store.url, ['store', 'url'], context);
  if (url === null) return { driver: 'postgres', url: '' };
  if (!/^postgres(?:ql)?:\/\//.test(url))
    context.refuse(['store', 'url'], 'is no URL of PostgreSQL: postgres://user@host/database');
  return { driver: 'postgres', url };
}

function masterKeyOf(
  key: Parameters<typeof secretText>[0] | null,
  path: ConfigPath,
  context: CompileContext,
): Uint8Array | null {
  const text = key === null ? null : secretText(key, path, context);
  if (text === null) return null;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < MASTER_KEY_BYTES_MIN)
    context.refuse(
      path,
      `has ${bytes.length} bytes; at least ${MASTER_KEY_BYTES_MIN} random ones are needed`,
    );
  return bytes;
}

function seedOf(config: TokenServiceConfig, context: CompileContext): Seed {
  const { tenants, applications, identityProviders, lambdas } = config;
  return {
    tenants,
    applications,
    identityProviders,
    lambdas: lambdas.items,
    keys: config.keys.map((key, index) => seedKey(key, [BLOCK, 'keys', index], context)),
    webhooks: config.webhooks.map(seedWebhook),
    apiKeys: config.apiKeys.map((key, index) => seedApiKey(key, [BLOCK, 'apiKeys', index, 'key'], context)),
  };
}

const KEY_SOURCES = ['privateKeyFile', 'publicKeyFile', 'certificateFile', 'secret'] as const;

function seedKey(config: SeedKeyConfig, path: ConfigPath, context: CompileContext): SeedKey {
  const { privateKeyFile, publicKeyFile, certificateFile, secret, ...named } = config;
  const given = KEY_SOURCES.filter((source) => config[source] !== undefined);
  if (given.length === 0 && config.algorithm === undefined)
    context.refuse(path, `needs one of ${KEY_SOURCES.join(', ')}, or an algorithm for which to make a key`);
  if (given.length > 1) context.refuse(path, `has ${given.join(' and ')}: exactly one is the key`);
  const text = (file: string | undefined, member: string) =>
    file === undefined ? undefined : (context.readText(file, [...path, member]) ?? undefined);
  return {
    ...named,
    privateKey:
      privateKeyFile === undefined
        ? undefined
        : (context.readSecretText(privateKeyFile, [...path, 'privateKeyFile']) ?? undefined),
    publicKey: text(publicKeyFile, 'publicKeyFile'),
    certificate: text(certificateFile, 'certificateFile'),
    secret:
      secret === undefined ? undefined : (secretText(secret, [...path, 'secret'], context) ?? undefined),
  };
}

function seedWebhook({
  events,
  transaction,
  timeout,
  ...config
}: SeedWebhookConfig): Seed['webhooks'][number] {
  return {
    ...config,
    id: config.id ?? idFrom(`webhook ${config.url}`),
    eventsEnabled: Object.fromEntries(events.map((event) => [event, true])),
    transactionType: transaction,
    // The proportion of the API's defaults. Neither may be nothing.
    connectTimeout: Math.ceil(timeout / 3),
    readTimeout: Math.max(1, timeout - Math.ceil(timeout / 3)),
  };
}

function seedApiKey(
  config: SeedApiKeyConfig,
  path: ConfigPath,
  context: CompileContext,
): Seed['apiKeys'][number] {
  const key = secretText(config.key, path, context);
  if (key !== null && key.length < API_KEY_MIN_CHARS)
    context.refuse(path, `has ${key.length} characters; at least ${API_KEY_MIN_CHARS} are needed`);
  return { ...config, key: key ?? '' };
}

/** Entries without id get the same one at each start. `name` is nothing secret: ids are shown. */
function idFrom(name: string): string {
  return uuidFromHex(createHash('sha256').update(`countersign ${name}`).digest('hex'));
}

/** Ids are unique among all objects of a kind. */
function checkUniqueIds(config: TokenServiceConfig, context: CompileContext): void {
  const lists: readonly [ConfigPath, readonly { readonly id?: string | undefined }[]][] = [
    [[BLOCK, 'keys'], config.keys],
    [[BLOCK, 'tenants'], config.tenants],
    [[BLOCK, 'applications'], config.applications],
    [[BLOCK, 'identityProviders'], config.identityProviders],
    [[BLOCK, 'lambdas', 'items'], config.lambdas.items],
    [[BLOCK, 'apiKeys'], config.apiKeys],
    [[BLOCK, 'webhooks'], config.webhooks],
  ];
  for (const [path, entries] of lists) {
    const seen = new Set<string>();
    for (const [index, { id }] of entries.entries()) {
      if (id === undefined) continue;
      if (seen.has(id)) context.refuse([...path, index, 'id'], 'is used twice');
      seen.add(id);
    }
  }
}
