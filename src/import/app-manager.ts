/** WSO2 App Manager's app-manager.xml: the block AppConsumerAuthConfiguration becomes our `assertion`. */
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
import { type Element, elementsNamed, readXml } from './xml.ts';
import { Noted, type Settings, writeYaml } from './yaml-text.ts';

const BLOCK = 'AppConsumerAuthConfiguration';
/** Of another block, but about the assertion. */
const KEY_MANAGER = 'APIKeyManager';

const HEAD = `From app-manager.xml. Profile wso2-appm writes what App Manager wrote, byte form included.
Look through it, set the variables that it names, then run: countersign check`;

/** @throws ImportError where the text is not XML, or has no such block */
export function importAppManager(text: string): Imported {
  const root = readXml(text);
  const [block] = elementsNamed(root, BLOCK);
  if (block === undefined) throw new ImportError(`holds no element ${BLOCK}`);
  const [manager] = elementsNamed(root, KEY_MANAGER);
  const consumer = membersOf(block);
  const keys = manager === undefined ? new Members([], KEY_MANAGER, '/') : membersOf(manager);
  const left: LeftOut[] = [];
  const settings = settingsOf(consumer, keys, left);
  left.push(...[...consumer.untaken(), ...keys.untaken()].map((path) => leftOut(path)));
  left.push(...sectionsBeside([block, manager], root));
  return { yaml: writeYaml(HEAD, settings, left), leftOut: left };
}

function membersOf({ path, elements }: Element): Members {
  const entries = elements.map((one) => [one.name, one.elements.length === 0 ? one.text : one] as const);
  return new Members(entries, path, '/');
}

/** Whole sections, not their elements: databases, workflows and mail servers are another matter. */
function sectionsBeside(used: readonly (Element | undefined)[], root: Element): LeftOut[] {
  const paths = used.map((element) => element?.path ?? '');
  return root.elements
    .filter(({ path }) => !paths.some((one) => one === path || one.startsWith(`${path}/`)))
    .map(({ path }) => leftOut(path, 'says nothing about callers or assertions'));
}

function settingsOf(consumer: Members, keys: Members, left: LeftOut[]): Settings {
  const isSelective = consumer.takeFlag('AddClaimsSelectively') ?? false;
  const removesAuthorization = consumer.takeFlag('RemoveOAuthHeadersFromOutMessage') ?? true;
  const selected = isSelective
    ? new Noted(
        ['http://wso2.org/claims/emailaddress'],
        'The Selected Claims of the application in the publisher.',
      )
    : undefined;
  const assertion = assertionOf(consumer, keys, isSelective, left);
  dropWhatHasNoCounterpart(consumer, keys, left);
  return {
    version: 1,
    realms: callers('App Manager signed users in by SAML; countersign checks Bearer tokens.'),
    assertion,
    routes: firstRoute(!removesAuthorization, selected),
  };
}

function assertionOf(consumer: Members, keys: Members, isSelective: boolean, left: LeftOut[]): Settings {
  const algorithm = algorithmOf(consumer.takeText('SignatureAlgorithm'));
  return {
    enabled: new Noted(consumer.takeFlag('EnableTokenGeneration') ?? false, 'EnableTokenGeneration'),
    profile: new Noted('wso2-appm', 'exp in MILLISECONDS, padded Base64: no standard JWT'),
    header: new Noted(
      textOr(consumer.takeText('SecurityContextHeader'), DEFAULT_HEADER),
      'SecurityContextHeader',
    ),
    dialect: new Noted(
      textOr(consumer.takeText('ConsumerDialectURI'), DEFAULT_DIALECT),
      'ConsumerDialectURI',
    ),
    algorithm: new Noted(algorithm, 'SignatureAlgorithm'),
    ttl: lifeOf(keys, left),
    keys: signingKeys(algorithm),
    userClaims: {
      retriever: retrieverOf(consumer, left),
      selective: new Noted(isSelective, 'AddClaimsSelectively'),
    },
  };
}

/** App Manager counts in minutes. Longer than a day is an assertion that a stolen log still holds next week. */
const LIFE_MINUTES_MAX = 24 * 60;

function lifeOf(keys: Members, left: LeftOut[]): Noted | undefined {
  const text = keys.takeText('SecurityContextTTL');
  if (text === undefined) return undefined;
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= LIFE_MINUTES_MAX)
    return new Noted(`${minutes}m`, 'SecurityContextTTL; never past the end of the caller’s token');
  left.push(
    leftOut(keys.pathOf('SecurityContextTTL'), `is no life between 1 minute and a day; the default applies`),
  );
  return undefined;
}

/** Null in App Manager, none here. The user store stays behind: what the token says is what there is. */
function retrieverOf(consumer: Members, left: LeftOut[]): Noted {
  const name = 'ClaimsRetrieverImplClass';
  const className = consumer.takeText(name) ?? '';
  if (className === '') return new Noted('none', name);
  if (isOwnClass(className))
    return new Noted('token', `${name}: claims of the caller’s token in place of the user store`);
  left.push(leftOut(consumer.pathOf(name), 'is a class of your own; write it as {module: ./retriever.ts}'));
  return new Noted('none', `${name}: {module: ./retriever.ts} in place of your class`);
}

function dropWhatHasNoCounterpart(consumer: Members, keys: Members, left: LeftOut[]): void {
  const generator = consumer.takeText('TokenGeneratorImpl') ?? '';
  if (generator !== '' && !isOwnClass(generator))
    left.push(
      leftOut(consumer.pathOf('TokenGeneratorImpl'), 'is a class of your own; the profile settles the form'),
    );
  if (consumer.takeFlag('AddSAMLResponseHeaderToOutMessage') === true)
    left.push(
      leftOut(consumer.pathOf('AddSAMLResponseHeaderToOutMessage'), 'SAML responses are not handed on'),
    );
  if (consumer.take('SessionTimeout') !== undefined)
    left.push(
      leftOut(consumer.pathOf('SessionTimeout'), 'there are no sessions: each request carries its token'),
    );
  if (keys.take('EnableJWTCache') !== undefined)
    left.push(
      leftOut(keys.pathOf('EnableJWTCache'), 'assertions are always reused, and never past their end'),
    );
}
