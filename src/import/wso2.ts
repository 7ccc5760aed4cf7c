/** What the two WSO2 importers share: the class names they know, and what no WSO2 file says about realms and routes. */
import { fromEnvironment, literal, Noted, type Settings } from './yaml-text.ts';

/** Where a file says nothing else, for App Manager and API Manager alike. */
export const DEFAULT_HEADER = 'X-JWT-Assertion';
export const DEFAULT_DIALECT = 'http://wso2.org/claims';

/** WSO2's own classes, whatever their package: `org.wso2.carbon…`. */
export function isOwnClass(className: string): boolean {
  return className.startsWith('org.wso2.carbon.');
}

/** WSO2 knows two algorithms. Only `NONE`, in capitals, switches signatures off; all else signs with SHA256withRSA. */
export function algorithmOf(text: string | undefined): 'RS256' | 'NONE' {
  return text === 'NONE' ? 'NONE' : 'RS256';
}

export function textOr(text: string | undefined, fallback: string): string {
  return literal(text === undefined || text === '' ? fallback : text);
}

/** The key of the WSO2 keystore, in PEM. Undefined for assertions that nobody signs. */
export function signingKeys(algorithm: string): Noted | undefined {
  if (algorithm === 'NONE') return undefined;
  const key = {
    id: 'wso2carbon',
    privateKeyFile: fromEnvironment('WSO2_KEY_FILE'),
    certificateFile: fromEnvironment('WSO2_CERTIFICATE_FILE'),
  };
  return new Noted(
    [key],
    'The key that backends trust today, out of the keystore:\n' +
      'keytool -importkeystore -srckeystore wso2carbon.jks -destkeystore w.p12 -deststoretype PKCS12, then\n' +
      'openssl pkcs12 -in w.p12 -nocerts -nodes, and -nokeys for the certificate.\n' +
      'Without these three lines a key is generated, and backends learn it at /.well-known/jwks.json.',
  );
}

/** `why`: what the file does not say about callers. */
export function callers(why: string): Noted {
  const realm = {
    name: 'identity-server',
    issuer: fromEnvironment('WSO2_ISSUER'),
    jwksUri: fromEnvironment('WSO2_JWKS_URI'),
    claims: { groups: 'groups' },
  };
  return new Noted(
    [realm],
    `${why}\nName the issuer of your access tokens, its key set, and the audiences you accept.`,
  );
}

/** One route as a beginning. */
export function firstRoute(forwardsAuthorization: boolean, selected?: Noted): Noted {
  const application: Settings = {
    name: 'app',
    subscriber: 'admin',
    tier: 'Unlimited',
    context: '/',
    version: '1.0.0',
    claims: selected,
  };
  const route: Settings = {
    name: 'app',
    match: { pathPrefix: '/' },
    upstream: fromEnvironment('APP_URL', 'http://127.0.0.1:9000'),
    application,
    forwardAuthorization: forwardsAuthorization ? true : undefined,
  };
  return new Noted(
    [route],
    'One entry for each published application: its context as pathPrefix, its endpoint as upstream.\n' +
      '`application` holds what the default claims say.',
  );
}
