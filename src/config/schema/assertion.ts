/** `assertion`: what the backend learns. Defaults depend on the profile, and routes override single keys. */
import { z } from 'zod';
import { compileHeaderPolicy, foldHeaderName } from '../../core/headers.ts';
import { formatDurationMs } from '../../core/time.ts';
import { assertionAlgorithm } from './algorithm.ts';
import { PROFILES, STANDARD } from './assertion-profiles.ts';
import { duration, durationOr, filePath, headerName, name, size, text } from './values.ts';

/** Message headers that mean something else to clients and backends. */
const MESSAGE_HEADERS =
  /^(?:accept|access-control|content|if|sec|www)(?:-|$)|^(?:age|allow|cache-control|date|etag|expires|last-modified|link|location|origin|pragma|range|referer|retry-after|server|set-cookie|user-agent|vary|via|x-request-id)$/;

const NO_OWNED_HEADERS = compileHeaderPolicy([]);

const assertionHeader = headerName().refine(mayCarryAssertion, {
  error: 'has a meaning of its own in HTTP; take a name like X-JWT-Assertion',
});

/** The default name is owned already, whatever the configuration says. */
function mayCarryAssertion(header: string): boolean {
  if (foldHeaderName(header) === foldHeaderName(STANDARD.header)) return true;
  return NO_OWNED_HEADERS.requestFate(header) === 'pass' && !MESSAGE_HEADERS.test(header.toLowerCase());
}

const byProfile = 'The default depends on the profile.';

const retrieverSchema = z.union(
  [
    z.enum(['none', 'token', 'store', 'token+store']),
    z.strictObject({
      module: filePath().meta({ description: 'ECMAScript module with your own retriever.' }),
    }),
  ],
  { error: 'is none of none, token, store, token+store, {module: ./file.ts}' },
);

const userClaimsKeys = {
  retriever: retrieverSchema.optional().meta({
    default: 'none',
    description:
      'Source of claims beyond the default ones: `none`, `token`, `store` (users of the token service), `token+store`, or `{module: ./file.ts}`.',
  }),
  selective: z.boolean().optional().meta({
    default: STANDARD.userClaims.selective,
    description: 'Send only the claims that `application.claims` of the route names.',
  }),
  exclude: z.array(text()).optional().meta({ default: [], description: 'Claims that are never sent.' }),
  convertDialect: z.boolean().optional().meta({
    default: STANDARD.userClaims.convertDialect,
    description: 'Prefix claims that have a bare name with the dialect.',
  }),
  multiValue: z
    .enum(['array', 'join'])
    .optional()
    .meta({ description: `Lists as JSON arrays, or joined by a comma. ${byProfile}` }),
  multiValueSeparator: z.string().optional().meta({
    default: STANDARD.userClaims.multiValueSeparator,
    description: 'A text that holds this is a list. Empty: no text is.',
  }),
};

const commonKeys = {
  enabled: z.boolean().optional().meta({ default: true, description: 'False: nothing is minted.' }),
  profile: z.enum(PROFILES).optional().meta({
    default: PROFILES[0],
    description: 'Form of the assertion; the wso2 profiles are byte-exact for backends that expect WSO2.',
  }),
  header: assertionHeader.optional().meta({
    default: STANDARD.header,
    description: 'Header that carries the assertion. No client can set it, in any spelling.',
  }),
  dialect: z.string().optional().meta({
    default: STANDARD.dialect,
    description: 'Prefix of claim names.',
  }),
  issuer: text()
    .optional()
    .meta({ description: `\`iss\` of the assertion. ${byProfile}` }),
  algorithm: assertionAlgorithm(STANDARD.algorithm).optional().meta({
    description: 'Signature algorithm, in any case; SHA256withRSA is RS256; NONE leaves assertions unsigned.',
  }),
  ttl: duration({ min: '1s', max: '24h' })
    .optional()
    .meta({ description: `Life of an assertion; it never outlives the token of the caller. ${byProfile}` }),
  minRemaining: duration({ min: '0s', max: '24h' })
    .optional()
    .meta({
      default: formatDurationMs(STANDARD.minRemainingMs),
      description:
        'A remembered assertion with less life left is replaced. At most half of `ttl` by default.',
    }),
  audience: text().nullable().optional().meta({
    default: null,
    description: '`aud` of the assertion; `null`: the application name of the route.',
  }),
  encoding: z
    .enum(['base64url', 'base64'])
    .optional()
    .meta({ description: `Encoding of the three parts. ${byProfile}` }),
  timeUnit: z
    .enum(['seconds', 'milliseconds'])
    .optional()
    .meta({ description: `Unit of the times; RFC 7519 readers expect seconds. ${byProfile}` }),
  x5t: z
    .enum(['none', 'sha1', 'sha256', 'wso2-hex', 'wso2-hex-upper'])
    .optional()
    .meta({ description: `Thumbprint of the certificate in the header. ${byProfile}` }),
  kid: z
    .boolean()
    .optional()
    .meta({ description: `Name the key in the header. ${byProfile}` }),
  standardClaims: z.enum(['basic', 'extended', 'none']).optional().meta({
    default: STANDARD.standardClaims,
    description: 'The six claims of WSO2 App Manager, those of API Manager too, or none.',
  }),
  includeRealm: z.boolean().optional().meta({
    default: STANDARD.includeRealm,
    description: 'Say which realm authenticated the caller.',
  }),
  anonymous: z.boolean().optional().meta({
    default: STANDARD.anonymous,
    description:
      'On routes with `auth: optional`: an assertion with enduser `anonymous` for callers without token.',
  }),
  maxBytes: size({ min: '512B', max: '64KiB' }, `${STANDARD.maxBytes / 1024}KiB`)
    .optional()
    .meta({ description: 'Largest header value. Many servers refuse headers beyond 8 KiB.' }),
  onOversize: z.enum(['reject', 'dropGroups']).optional().meta({
    default: STANDARD.onOversize,
    description: 'A larger one is 403, or tried again without the groups.',
  }),
  forwardSamlResponse: z
    .literal(false, { error: 'needs a realm of type saml2, which is not available in this version' })
    .optional()
    .meta({ default: false, description: 'Only `false` in this version.' }),
};

/** One key that signs assertions. */
const keySchema = z.strictObject({
  id: name().meta({ description: '`kid` of the assertions that it signs.' }),
  privateKeyFile: filePath().meta({
    description: 'PEM file with the private key; for HS256 a file with the secret.',
  }),
  certificateFile: filePath()
    .nullable()
    .default(null)
    .meta({ description: 'PEM file with its certificate; needed for `x5t`.' }),
  state: z.enum(['next', 'active', 'retired']).default('active').meta({
    description: 'next: published, does not sign yet. retired: published, signs no more.',
  }),
});

const cacheMax = z.int().min(0).max(10_000_000).default(10_000);

export const assertionSchema = z
  .strictObject({
    ...commonKeys,
    userClaims: z
      .strictObject({
        ...userClaimsKeys,
        cache: z
          .strictObject({
            ttl: durationOr('900s', { min: '0s', max: '24h' }).meta({
              description: 'Age at which claims are asked again.',
            }),
            max: cacheMax.meta({ description: 'Callers remembered.' }),
          })
          .prefault({})
          .meta({ description: 'For `{module}` and `store` retrievers.' }),
      })
      .prefault({})
      .meta({ description: 'Claims about the caller beyond the default ones.' }),
    keys: z
      .array(keySchema)
      .min(1, { error: 'is empty: leave it out to have keys generated in dataDir' })
      .optional()
      .meta({
        description:
          'Keys that sign. None given: generated at the first start, in `dataDir`, or sealed in the store of driver postgres.',
      }),
    jwksEndpoint: z.boolean().default(true).meta({
      description:
        'Publish the public keys at `/.well-known/jwks.json`, `/.well-known/jwks.pem` and `/jwks`, on every host and before any route.',
    }),
    cache: z
      .strictObject({ max: cacheMax.meta({ description: 'Assertions remembered.' }) })
      .prefault({})
      .meta({ description: 'Assertions are remembered until they are nearly expired.' }),
  })
  .meta({ description: 'What is minted for the backend. Without this block nothing is.' });

/** `routes[].assertion`: single keys of the block above, for one route. */
export const assertionOverrideSchema = z.strictObject({
  ...commonKeys,
  userClaims: z.strictObject(userClaimsKeys).optional().meta({ description: 'See `assertion.userClaims`.' }),
});

export type AssertionConfig = z.output<typeof assertionSchema>;
export type AssertionOverride = z.output<typeof assertionOverrideSchema>;
