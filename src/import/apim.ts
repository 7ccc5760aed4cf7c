/** WSO2 API Manager's deployment.toml: the tables [apim.jwt…] become our `assertion`. */
import { parse, TomlError } from 'smol-toml';
import { ImportError, type Imported, type LeftOut, leftOut } from './imported.ts';
import { Members } from './members.ts';
import {
  algorithmOf,
  callers,
  DEFAULT_DIALECT,
  DEFAULT_HEADER,
  firstRoute,
  isOwnClass,
  signingKeys,
  textOr,
} from './wso2.ts';
import { literal, Noted, type Setting, type Settings, writeYaml } from './yaml-text.ts';

/** [apim.jwt.gateway_generator] is the deepest table that we read. */
const DEPTH_MAX = 32;

const HEAD = `From deployment.toml. Profile wso2-apim writes what API Manager wrote, byte form included.
Look through it, set the variables that it names, then run: countersign check`;

/** @throws ImportError where the text is not TOML, or has no table [apim.jwt] */
export function importApim(text: string): Imported {
  const root = new Members(Object.entries(read(text)), '', '.');
  const apim = root.takeBlock('apim');
  const jwt = apim.takeBlock('jwt');
  if (jwt.untaken().length === 0) throw new ImportError('holds no table [apim.jwt]');
  const cache = apim.takeBlock('cache');
  const claimCache = cache.takeBlock('jwt_claim');
  const oauth = apim.takeBlock('oauth_config');
  const generator = jwt.takeBlock('gateway_generator');
  const left: LeftOut[] = [];
  const settings = settingsOf({ jwt, generator, claimCache, oauth }, left);
  for (const block of [jwt, generator, claimCache, oauth])
    left.push(...block.untaken().map((path) => leftOut(path)));
  for (const block of [cache, apim, root])
    left.push(...block.untaken().map((path) => leftOut(path, 'says nothing about callers or assertions')));
  return { yaml: writeYaml(HEAD, settings, left), leftOut: left };
}

function read(text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text, { maxDepth: DEPTH_MAX, integersAsBigInt: 'asNeeded', unsafeKeyBehaviour: 'throw' });
  } catch (cause) {
    // Its message quotes the text, which may be a password.
    const place = cause instanceof TomlError ? ` (line ${cause.line}, column ${cause.column})` : '';
    throw new ImportError(`is not TOML${place}`);
  }
}

interface Blocks {
  readonly jwt: Members;
  /** [apim.jwt.gateway_generator] */
  readonly generator: Members;
  /** [apim.cache.jwt_claim] */
  readonly claimCache: Members;
  /** [apim.oauth_config] */
  readonly oauth: Members;
}

function settingsOf(blocks: Blocks, left: LeftOut[]): Settings {
  const forwardsAuthorization = blocks.oauth.takeFlag('enable_outbound_auth_header') ?? false;
  const assertion = assertionOf(blocks, left);
  dropWhatHasNoCounterpart(blocks, left);
  return {
    version: 1,
    realms: callers('API Manager knew its key managers from elsewhere; the file does not name them.'),
    assertion,
    routes: firstRoute(forwardsAuthorization),
  };
}

function assertionOf({ jwt, generator, claimCache }: Blocks, left: LeftOut[]): Settings {
  const algorithm = algorithmOf(jwt.takeText('signing_algorithm'));
  const excluded = textsOf(generator.take('excluded_claims'));
  return {
    enabled: new Noted(jwt.takeFlag('enable') ?? false, 'enable'),
    profile: new Noted('wso2-apim', 'x5t of the hex digest, as API Manager writes it'),
    header: new Noted(textOr(jwt.takeText('header'), DEFAULT_HEADER), 'header'),
    dialect: new Noted(textOr(jwt.takeText('claim_dialect'), DEFAULT_DIALECT), 'claim_dialect'),
    algorithm: new Noted(algorithm, 'signing_algorithm'),
    encoding: new Noted(encodingOf(jwt, left), 'encoding'),
    kid: new Noted(jwt.takeFlag('use_kid_property') ?? true, 'use_kid_property'),
    jwksEndpoint: new Noted(jwt.takeFlag('enable_jwks_api') ?? true, 'enable_jwks_api'),
    standardClaims: new Noted('extended', 'API Manager writes more default claims than App Manager'),
    keys: signingKeys(algorithm),
    userClaims: {
      retriever: new Noted('token', 'claims of the caller’s token; its groups become roles'),
      convertDialect: new Noted(jwt.takeFlag('convert_dialect') ?? false, 'convert_dialect'),
      exclude: excluded.length === 0 ? undefined : new Noted(excluded, 'excluded_claims'),
      cache: cacheOf(claimCache, left),
    },
  };
}

function encodingOf(jwt: Members, left: LeftOut[]): 'base64' | 'base64url' {
  const encoding = jwt.takeText('encoding')?.toLowerCase() ?? 'base64';
  if (encoding !== 'base64' && encoding !== 'base64url')
    left.push(leftOut(jwt.pathOf('encoding'), 'is neither base64 nor base64url; base64 applies'));
  return encoding === 'base64url' ? 'base64url' : 'base64';
}

/** A list, or one text with commas. */
function textsOf(value: unknown): string[] {
  const list = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  return list
    .filter((item) => typeof item === 'string')
    .map((item) => literal(item.trim()))
    .filter((item) => item !== '');
}

/** What `assertion.userClaims.cache.ttl` admits. */
const CACHE_SECONDS_MAX = 24 * 3600;

function cacheOf(cache: Members, left: LeftOut[]): Setting | undefined {
  const isOn = cache.takeFlag('enable') ?? true;
  const text = cache.takeText('expiry_time');
  if (!isOn) return { ttl: new Noted('0s', 'jwt_claim: enable = false') };
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= CACHE_SECONDS_MAX)
    return { ttl: new Noted(`${seconds}s`, 'jwt_claim: expiry_time; for {module} retrievers') };
  left.push(leftOut(cache.pathOf('expiry_time'), 'is no number of seconds up to a day; the default applies'));
  return undefined;
}

/** Switches that change nothing, or that nothing here answers to. Only where they are on is something lost. */
const WITHOUT_COUNTERPART: readonly (readonly [name: string, reason: string])[] = [
  ['enable_tenant_based_signing', 'there are no tenants: one key ring signs'],
  [
    'binding_federated_user_claims',
    'claims of federated users come in the token, or from a {module} retriever',
  ],
  ['encode_x5t_without_padding', 'x5t keeps its padding'],
];

function dropWhatHasNoCounterpart({ jwt, generator }: Blocks, left: LeftOut[]): void {
  for (const [name, reason] of WITHOUT_COUNTERPART)
    if (jwt.takeFlag(name) === true) left.push(leftOut(jwt.pathOf(name), reason));
  if (jwt.takeFlag('enable_user_claims') === true)
    left.push(leftOut(jwt.pathOf('enable_user_claims'), 'was for opaque tokens; claims come from the token'));
  if (generator.takeFlag('enable_claim_retrieval') === true)
    left.push(
      leftOut(
        generator.pathOf('enable_claim_retrieval'),
        'there is no key manager to ask; claims come from the token',
      ),
    );
  const classes = [
    [jwt, 'claims_extractor_impl', 'write it as {module: ./retriever.ts}'],
    [jwt, 'generator_impl', 'the profile settles the form'],
    [generator, 'impl', 'the profile settles the form'],
  ] as const;
  for (const [block, name, instead] of classes) {
    const className = block.takeText(name) ?? '';
    if (className !== '' && !isOwnClass(className))
      left.push(leftOut(block.pathOf(name), `is a class of your own; ${instead}`));
  }
}
