/** Lucidworks Fusion's security realms, as its realm API answers them: JWT realms become our `realms`. */
import { SECRET_BYTES_MIN } from '../core/realm.ts';
import { mappingOf, rolesOf } from './fusion-roles.ts';
import { ImportError, type Imported, type LeftOut, leftOut } from './imported.ts';
import { isBlock, Members } from './members.ts';
import { fromEnvironment, literal, Noted, type Settings, writeYaml } from './yaml-text.ts';

const HEAD = `From a Fusion security realm. Fusion's application becomes the upstream.
Look through it, set the variables that it names, then run: countersign check`;

/** Longer lists are no configuration of a person. */
const REALMS_MAX = 1000;

/**
 * One realm, or the list that a GET of all realms answers.
 *
 * @throws ImportError where the text is not JSON, or no enabled realm of type `jwt` is in it
 */
export function importFusion(text: string): Imported {
  const read = parse(text);
  const objects = Array.isArray(read) ? read : [read];
  if (objects.length > REALMS_MAX) throw new ImportError(`holds more than ${REALMS_MAX} realms`);
  const left: LeftOut[] = [];
  const reading: Reading = { left, variables: new Set() };
  const realms = objects.flatMap((object, index) =>
    realmOf(object, Array.isArray(read) ? `[${index}]` : '', reading),
  );
  if (realms.length === 0) throw new ImportError('holds no enabled realm whose realmType is jwt');
  return { yaml: writeYaml(HEAD, settingsOf(realms), left), leftOut: left };
}

interface Reading {
  readonly left: LeftOut[];
  /** Taken by the realms so far. */
  readonly variables: Set<string>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ImportError('is not JSON'); // the message of the parser quotes the text, which may be the key
  }
}

function settingsOf(realms: readonly Settings[]): Settings {
  return {
    version: 1,
    realms,
    assertion: new Noted(
      { userClaims: { retriever: 'token' } },
      'What the application is told in X-JWT-Assertion. Without this block it is told nothing.',
    ),
    routes: [
      {
        name: 'fusion',
        match: { pathPrefix: '/' },
        upstream: fromEnvironment('APP_URL', 'http://127.0.0.1:8764'),
      },
    ],
  };
}

/** Nothing where the object is no realm that accepts tokens today. */
function realmOf(object: unknown, path: string, reading: Reading): Settings[] {
  const { left } = reading;
  if (!isBlock(object)) throw new ImportError(`${path === '' ? 'the file' : path} is no realm object`);
  const outer = new Members(Object.entries(object), path, '.');
  const isEnabled = outer.takeFlag('enabled') ?? true;
  const isJwt = (outer.takeText('realmType', 'type') ?? '').toLowerCase() === 'jwt';
  if (!isEnabled || !isJwt) {
    left.push(
      leftOut(outer.pathOf(isJwt ? 'enabled' : 'realmType'), isJwt ? 'is switched off' : 'is not jwt'),
    );
    return [];
  }
  const inner = outer.takeBlock('config');
  const realms = settingsOfRealm(outer, inner, reading);
  if (outer.take('ephemeralUsers') !== undefined)
    left.push(leftOut(outer.pathOf('ephemeralUsers'), 'no users are stored'));
  left.push(...[...outer.untaken(), ...inner.untaken()].map((one) => leftOut(one)));
  return realms;
}

/** Fusion's form and its API name the fields in several ways; the type's own may stand in `config` or beside it. */
function settingsOfRealm(outer: Members, inner: Members, { left, variables }: Reading): Settings[] {
  const text = (...names: readonly string[]) => inner.takeText(...names) ?? outer.takeText(...names) ?? '';
  const any = (...names: readonly string[]) => inner.take(...names) ?? outer.take(...names);
  const name = nameOf(text('name'), variables);
  const issuer = text('issuer', 'jwtIssuer');
  if (issuer === '') throw new ImportError(`${outer.path === '' ? 'the realm' : outer.path} has no issuer`);
  const jwksUri = text('jwkSetUri', 'jwtSetUri', 'jwkSetUrl', 'jwtSetUrl', 'jwksUri', 'jwksUrl');
  const timeoutMs = text('jwkSetTimeout', 'jwtSetTimeout');
  const groups = text('groupsKey', 'groupKey');
  const subject = text('userIdAttribute', 'userIdKey');
  const key = keyOf(any('signingKey'), name, jwksUri !== '');
  if (key?.comment === NO_KEY) left.push(leftOut(inner.pathOf('signingKey'), NO_KEY));
  const realm = {
    name,
    issuer: new Noted(literal(issuer), 'JWT Issuer'),
    jwksUri: jwksUri === '' ? undefined : new Noted(literal(jwksUri), 'JWT Set URI'),
    jwks: /^\d{1,9}$/.test(timeoutMs)
      ? { timeout: new Noted(`${timeoutMs}ms`, 'JWK Set Timeout') }
      : undefined,
    signingKey: key,
    requireExpiration: new Noted(false, 'Fusion asks for no exp. Set true as soon as your tokens have one.'),
    claims: {
      subject: subject === '' ? undefined : new Noted(claimPath(subject), 'User ID Attribute'),
      groups: groups === '' ? undefined : new Noted(claimPath(groups), 'Groups Key'),
    },
    roles: {
      default: rolesOf(any('roles', 'roleNames'), outer.pathOf('roles'), left),
      mapping: mappingOf(any('groupsMapping', 'groupMapping'), inner.pathOf('groupsMapping'), left),
    },
  };
  if (jwksUri === '' || key === undefined || isPublic(key)) return [realm];
  const twin = new Noted(
    nameOf(`${name}-secret`, variables),
    'The same issuer: a secret and a key set of public keys never serve one realm.',
  );
  return [
    { ...realm, signingKey: undefined },
    { ...realm, name: twin, jwksUri: undefined, jwks: undefined },
  ];
}

/** Room for a number within the 64 characters of a name. */
const NAME_CHARACTERS_MAX = 60;

/**
 * Names are labels of metrics: other characters become `-`. Two realms never share a variable: who has the key of one
 * would be let into the other.
 */
function nameOf(text: string, variables: Set<string>): string {
  const name = text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  const first = name.slice(0, NAME_CHARACTERS_MAX) || 'fusion';
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? first : `${first}-${count}`;
    const variable = variableOf(candidate);
    if (variables.has(variable)) continue;
    variables.add(variable);
    return candidate;
  }
}

function variableOf(name: string): string {
  return `${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_SIGNING_KEY`.replace(/^(?=\d)/, '_');
}

const NO_KEY = 'holds no key; where the realm really has none, write allowUnsigned: true in its place';

/** The key itself stays in its file: only where it will be looked for is written. Undefined: the key set is all. */
function keyOf(value: unknown, name: string, hasKeySet: boolean): Noted | undefined {
  const variable = variableOf(name);
  const key = typeof value === 'string' ? value : '';
  if (key.trimStart().startsWith('-----BEGIN'))
    return new Noted({ pemFile: `${name}.pem` }, 'Put the public key of the realm into this file.');
  const isGiven = key !== '' && !/^[*•]+$/.test(key);
  if (!isGiven && hasKeySet) return undefined;
  if (!isGiven) return new Noted({ secret: fromEnvironment(variable) }, NO_KEY);
  const isWeak = new TextEncoder().encode(key).length < (SECRET_BYTES_MIN.get('HS256') ?? 0);
  return new Noted(
    { secret: fromEnvironment(variable), allowWeakSecret: isWeak ? true : undefined },
    `Set ${variable} to the Signing Key of the realm${isWeak ? ', which is shorter than RFC 7518 §3.2 asks: replace it soon' : ''}.`,
  );
}

function isPublic({ setting }: Noted): boolean {
  return isBlock(setting) && 'pemFile' in setting;
}

/** Fusion's names are literal; ours are JSON pointers where they begin with `/` (RFC 6901). */
function claimPath(name: string): string {
  const path = name.startsWith('/') ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : name;
  return literal(path);
}
