/** Profiles of the assertion: what applies where the configuration says nothing else. */
import type { AssertionPolicy, UserClaimsPolicy } from '../../core/assertion.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/time.ts';

/** Names of the profiles, the first one being the default. */
export const PROFILES = [
  'standard',
  'wso2-appm',
  'wso2-apim',
] as const satisfies AssertionPolicy['profile'][];

/** Every key of a policy that a profile settles. */
export type AssertionDefaults = Omit<AssertionPolicy, 'profile' | 'userClaims'> & {
  readonly userClaims: Omit<UserClaimsPolicy, 'retriever' | 'exclude'>;
};

/** Profile `standard`. */
export const STANDARD: AssertionDefaults = {
  header: 'X-JWT-Assertion',
  dialect: 'http://wso2.org/claims',
  issuer: 'countersign',
  algorithm: 'RS256',
  ttlMs: 5 * MINUTE_MS,
  minRemainingMs: 30 * SECOND_MS,
  audience: null,
  encoding: 'base64url',
  timeUnit: 'seconds',
  x5t: 'none',
  kid: true,
  standardClaims: 'basic',
  includeRealm: false,
  anonymous: false,
  maxBytes: 6 * 1024,
  onOversize: 'reject',
  userClaims: { selective: false, convertDialect: true, multiValue: 'array', multiValueSeparator: ',,,' },
};

/** What a profile means where the configuration says nothing else. */
export const PROFILE_DEFAULTS: Readonly<Record<AssertionPolicy['profile'], AssertionDefaults>> = {
  standard: STANDARD,
  'wso2-appm': {
    ...STANDARD,
    issuer: 'wso2.org/products/appm',
    ttlMs: 15 * MINUTE_MS,
    encoding: 'base64',
    timeUnit: 'milliseconds',
    x5t: 'wso2-hex-upper',
    kid: false,
    userClaims: { ...STANDARD.userClaims, multiValue: 'join' },
  },
  'wso2-apim': {
    ...STANDARD,
    issuer: 'wso2.org/products/am',
    ttlMs: 15 * MINUTE_MS,
    encoding: 'base64',
    x5t: 'wso2-hex',
  },
};
