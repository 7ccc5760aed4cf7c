/** `realms`: the realms of the centre, and beside them the keys that jwt/ imports. */
import { parseClaimPath } from '../../core/claim-path.ts';
import { isSameLocation, type TokenLocation } from '../../core/credential.ts';
import { ALGORITHMS, type Algorithm, type Realm, SECRET_BYTES_MIN } from '../../core/realm.ts';
import type { ConfigPath } from '../issue.ts';
import { discoveryProblem } from '../schema/address.ts';
import type { RealmConfig } from '../schema/realm.ts';
import type { CompileContext } from './context.ts';
import { compileSigningKey, familyOf, type KeyFamily, type SigningKeySettings } from './signing-key.ts';

/** How the key set of a realm is fetched and kept. */
export interface JwksSettings {
  readonly timeoutMs: number;
  readonly cacheTtlMs: number;
  readonly cooldownMs: number;
  readonly maxStaleMs: number;
  /** PEM of the authorities to trust; null: those of the system. */
  readonly ca: string | null;
}

/** The keys of one realm. All null and false: `allowUnsigned`. */
export interface RealmKeySettings {
  /** Where the realm stands in the configuration, for issues about its keys. */
  readonly path: ConfigPath;
  readonly signingKey: SigningKeySettings | null;
  /** As configured; null: what each key serves, HS256 for a secret. */
  readonly algorithms: readonly Algorithm[] | null;
  readonly jwksUri: string | null;
  readonly discovery: boolean;
  readonly jwks: JwksSettings;
  /** Only in realms of type self: tokens of ended sessions are refused. */
  readonly checksRevocation: boolean;
}

export interface CompiledRealms {
  readonly realms: readonly Realm[];
  /** By realm name. */
  readonly keys: ReadonlyMap<string, RealmKeySettings>;
  /** Verified tokens remembered, over all realms. */
  readonly tokenCacheMax: number;
}

export function compileRealms(context: CompileContext): CompiledRealms {
  const specs = context.config.settings.realms;
  const locations: TokenLocation[] = [];
  const keys = new Map<string, RealmKeySettings>();
  const realms = specs.map((spec, index) => {
    const path = ['realms', index];
    if (spec.type === 'self') checkSelf(spec, path, context);
    else if (spec.allowUnsigned) checkUnsigned(spec, path, context);
    else checkKeySources(spec, path, context);
    checkClaims(spec, path, context);
    keys.set(spec.name, keySettings(spec, path, context));
    return realmOf(spec, locations);
  });
  checkIssuers(specs, context);
  return { realms, keys, tokenCacheMax: specs.reduce((sum, { tokenCache }) => sum + tokenCache.max, 0) };
}

function realmOf(spec: RealmConfig, locations: TokenLocation[]): Realm {
  return {
    name: spec.name,
    isSelf: spec.type === 'self',
    issuer: spec.issuer,
    audiences: spec.audiences,
    types: spec.types.map((type) => type.toLowerCase().replace(/^application\//, '')),
    algorithms: algorithmsOf(spec),
    allowUnsigned: spec.allowUnsigned,
    requireExpiration: spec.requireExpiration,
    requiredClaims: spec.requiredClaims.map(parseClaimPath),
    clockSkewMs: spec.clockSkew,
    maxAgeMs: spec.maxAge,
    iatUnit: spec.iatUnit,
    subjectClaim: parseClaimPath(spec.claims.subject),
    groupsClaim: spec.claims.groups === null ? null : parseClaimPath(spec.claims.groups),
    scopesClaim: parseClaimPath(spec.claims.scopes),
    rolesClaim: spec.type === 'self' ? parseClaimPath('roles') : null,
    defaultRoles: spec.roles.default,
    rolesOfGroup: new Map(Object.entries(spec.roles.mapping)),
    claimMapping: new Map(Object.entries(spec.claimMapping)),
    unmappedClaims: spec.unmappedClaims,
    tokenFrom: spec.tokenFrom.map((location) => intern(locationOf(location), locations)),
  };
}

/** Our own keys each serve one algorithm, secrets among them. */
function algorithmsOf(spec: RealmConfig): readonly Algorithm[] {
  if (spec.type === 'self') return ALGORITHMS;
  return spec.allowUnsigned ? [] : acceptedAlgorithms(spec);
}

const isSecretAlgorithm = (algorithm: Algorithm) => SECRET_BYTES_MIN.has(algorithm);

function acceptedAlgorithms(spec: RealmConfig): readonly Algorithm[] {
  if (spec.algorithms !== undefined) return spec.algorithms;
  const isSecret = spec.signingKey !== null && familyOf(spec.signingKey) === 'secret';
  return isSecret ? ['HS256'] : ALGORITHMS.filter((algorithm) => !isSecretAlgorithm(algorithm));
}

function locationOf(location: RealmConfig['tokenFrom'][number]): TokenLocation {
  if ('cookie' in location) return { kind: 'cookie', name: location.cookie };
  if ('query' in location) return { kind: 'query', name: location.query };
  const usualScheme = location.header.toLowerCase() === 'authorization' ? 'Bearer' : '';
  return {
    kind: 'header',
    name: location.header,
    scheme: location.scheme ?? usualScheme,
    schemeCaseSensitive: location.schemeCaseSensitive,
  };
}

/** Equal places of different realms are one object. */
function intern(location: TokenLocation, known: TokenLocation[]): TokenLocation {
  const same = known.find((other) => isSameLocation(other, location));
  if (same === undefined) known.push(location);
  return same ?? location;
}

function keySettings(spec: RealmConfig, path: ConfigPath, context: CompileContext): RealmKeySettings {
  const { jwks } = spec;
  const keyPath = [...path, 'signingKey'];
  return {
    path,
    signingKey: compileSigningKey(spec.signingKey, acceptedAlgorithms(spec), keyPath, context),
    algorithms: spec.algorithms ?? null,
    jwksUri: spec.jwksUri,
    discovery: spec.discovery,
    checksRevocation: spec.type === 'self' && spec.revocation === 'checkSid',
    jwks: {
      timeoutMs: jwks.timeout,
      cacheTtlMs: jwks.cacheTtl,
      cooldownMs: jwks.cooldown,
      maxStaleMs: jwks.maxStale,
      ca: jwks.caFile === null ? null : context.readText(jwks.caFile, [...path, 'jwks', 'caFile']),
    },
  };
}

function checkKeySources(spec: RealmConfig, path: ConfigPath, context: CompileContext): void {
  const hasKeySet = spec.jwksUri !== null || spec.discovery;
  if (spec.signingKey === null && !hasKeySet)
    context.refuse(path, 'needs jwksUri or signingKey (or discovery: true, or allowUnsigned: true)');
  if (spec.jwksUri !== null && spec.discovery)
    context.refuse([...path, 'discovery'], 'has no effect beside jwksUri: leave one of them out');
  const problem = spec.discovery ? discoveryProblem(spec.issuer) : null;
  if (problem !== null) context.refuse([...path, 'issuer'], `${problem}: discovery starts at the issuer`);
  if (spec.signingKey !== null && hasKeySet && familyOf(spec.signingKey) === 'secret')
    context.refuse(
      [...path, 'signingKey'],
      'a shared secret beside a key set of public keys; make two realms with this issuer',
    );
  checkAlgorithms(spec, path, context);
}

/** Keys come from the token service. */
function checkSelf(spec: RealmConfig, path: ConfigPath, context: CompileContext): void {
  const { tokenService } = context.config.settings;
  if (tokenService === undefined) context.refuse([...path, 'type'], 'needs a tokenService block');
  for (const key of ['jwksUri', 'signingKey', 'algorithms'] as const) {
    if ((spec[key] ?? null) !== null)
      context.refuse([...path, key], 'has no effect: the keys are those of the token service');
  }
  for (const key of ['discovery', 'allowUnsigned', 'chained'] as const)
    if (spec[key]) context.refuse([...path, key], 'has no effect in a realm of type self');
  const issuers = (tokenService?.tenants ?? []).map(({ issuer }) => issuer);
  if (issuers.length > 0 && !issuers.includes(spec.issuer))
    context.warn(
      [...path, 'issuer'],
      `is the issuer of none of the tenants that stand here: ${issuers.join(', ')}`,
    );
}

function checkUnsigned(spec: RealmConfig, path: ConfigPath, context: CompileContext): void {
  const place = [...path, 'allowUnsigned'];
  if (spec.signingKey !== null || spec.jwksUri !== null || spec.discovery)
    context.refuse(place, 'is only for a realm without signingKey, jwksUri and discovery');
  else context.warn(place, `anybody can write a token of the realm ${spec.name}`);
  if (spec.algorithms !== undefined)
    context.refuse([...path, 'algorithms'], 'has no effect on unsigned tokens');
}

/** Every algorithm must belong to the one family of keys that the realm has (RFC 8725 §3.1). */
function checkAlgorithms(spec: RealmConfig, path: ConfigPath, context: CompileContext): void {
  const family: KeyFamily = spec.signingKey === null ? 'public' : familyOf(spec.signingKey);
  for (const [index, algorithm] of (spec.algorithms ?? []).entries()) {
    if (isSecretAlgorithm(algorithm) === (family === 'secret')) continue;
    const owned = family === 'secret' ? 'a shared secret' : 'a public key';
    context.refuse([...path, 'algorithms', index], `${algorithm} does not fit: this realm has ${owned}`);
  }
}

function checkClaims(spec: RealmConfig, path: ConfigPath, context: CompileContext): void {
  if (spec.claims.groups === null && Object.keys(spec.roles.mapping).length > 0)
    context.refuse([...path, 'roles', 'mapping'], 'has no effect without claims.groups');
  if (spec.audiences.length === 0 && spec.type !== 'self')
    context.warn(path, 'no audiences: tokens that the issuer made for other services are accepted');
  if (!spec.requireExpiration && spec.maxAge === null)
    context.warn([...path, 'requireExpiration'], 'tokens without exp never expire; set maxAge');
}

/** An unsigned realm would speak for the signed one of the same issuer. */
function checkIssuers(specs: readonly RealmConfig[], context: CompileContext): void {
  for (const [index, spec] of specs.entries()) {
    const signed = specs.findIndex((other) => other.issuer === spec.issuer && !other.allowUnsigned);
    if (spec.allowUnsigned && signed !== -1)
      context.refuse(
        ['realms', index, 'allowUnsigned'],
        `unsigned tokens would speak for the issuer of the realm ${specs[signed]?.name} (line ${context.config.line(['realms', signed])})`,
      );
  }
}
