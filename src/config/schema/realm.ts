/** `realms[]`: who may come in. One issuer, its keys, what its tokens must satisfy, and what their claims mean. */
import { z } from 'zod';
import { keySourceUrl } from './address.ts';
import { verificationAlgorithm } from './algorithm.ts';
import {
  cookieName,
  duration,
  durationOr,
  filePath,
  headerName,
  isConnectionHeader,
  name,
  secret,
  text,
} from './values.ts';

const jwkSchema = z
  .object({ kty: z.string().meta({ description: 'Key type (RFC 7517 §4.1).' }) })
  .catchall(z.union([z.string(), z.array(z.string()), z.boolean()]));

const signingKeySchema = z.strictObject({
  secret: secret()
    .optional()
    .meta({
      description:
        'HMAC secret: its UTF-8 bytes, or `{file: path}` (one final line break is not part of it).',
      examples: [`\${FUSION_JWT_SECRET}`, { file: '/run/secrets/fusion' }],
    }),
  secretBase64: secret()
    .optional()
    .meta({ description: 'The same in base64 or base64url, or `{file: path}` with such text.' }),
  pemFile: filePath()
    .optional()
    .meta({ description: 'File with one PEM public key or X.509 certificate.', examples: ['acme.pub.pem'] }),
  jwk: jwkSchema.optional().meta({ description: 'A public key, or a secret, as JWK (RFC 7517).' }),
  kid: text()
    .nullable()
    .default(null)
    .meta({ description: 'Accept tokens with this `kid` and without one; `null`: whatever their `kid`.' }),
  allowWeakSecret: z.boolean().default(false).meta({
    description: 'Accept a secret shorter than RFC 7518 §3.2 asks (32 bytes for HS256). Warned about.',
  }),
});

const jwksSchema = z
  .strictObject({
    timeout: durationOr('3s', { min: '50ms', max: '1m' }).meta({
      description: 'For one fetch of the key set, everything included.',
    }),
    cacheTtl: durationOr('10m', { min: '1s', max: '24d' }).meta({
      description: 'Age at which a key set is due for a refresh, at the latest.',
    }),
    cooldown: durationOr('30s', { min: '1s', max: '1h' }).meta({
      description: 'Between two fetches that unknown `kid`s cause.',
    }),
    maxStale: durationOr('24h', { min: '0s', max: '24d' }).meta({
      description: 'How long the last good set serves while its source is down; then 503.',
    }),
    caFile: filePath().nullable().default(null).meta({
      description: 'PEM file of the authorities to trust for this source; `null`: those of the system.',
    }),
  })
  .prefault({});

const tokenHeader = headerName().refine((header) => !isConnectionHeader(header), {
  error: 'belongs to the connection and carries no token',
});

const tokenLocationSchema = z.union(
  [
    z.strictObject({
      header: tokenHeader.meta({ description: 'Header name, in any case.' }),
      scheme: z.string().optional().meta({
        description: 'What stands before the token. Default: `Bearer` for Authorization, nothing for others.',
      }),
      schemeCaseSensitive: z
        .boolean()
        .default(true)
        .meta({ description: 'False: `bearer` is accepted too.' }),
    }),
    z.strictObject({
      cookie: cookieName().meta({ description: 'Cookie name.' }),
    }),
    z.strictObject({
      query: text().meta({
        description: 'Query parameter. URLs end up in logs: a last resort (RFC 6750 §2.3).',
      }),
    }),
  ],
  { error: 'is none of {header: …}, {cookie: …}, {query: …}' },
);

/** Roles as a list, or as Fusion writes them: one text, separated by white space. */
const roleNames = z
  .union([z.string(), z.array(text())], { error: 'is neither a list of roles nor a text with roles' })
  .transform((roles) =>
    typeof roles === 'string' ? roles.split(/\s+/).filter((role) => role !== '') : roles,
  );

const CLAIM_PATH = /^(?:[^/]|\/(?:[^~]|~[01])*$)/s;

/** A literal claim name, or a JSON pointer. */
function claimPath() {
  return text().regex(CLAIM_PATH, { error: 'is no JSON pointer: "~" is written ~0 (RFC 6901)' });
}

const claimsSchema = z
  .strictObject({
    subject: claimPath()
      .default('sub')
      .meta({
        description:
          'Claim that names the caller: a literal name, or a JSON pointer when it starts with `/`.',
        examples: ['sub', 'email', '/user/name'],
      }),
    groups: claimPath()
      .nullable()
      .default(null)
      .meta({
        description: 'Claim with the groups of the caller.',
        examples: ['groups', '/realm_access/roles'],
      }),
    scopes: claimPath().default('scope').meta({ description: 'Claim with the scopes of the token.' }),
  })
  .prefault({});

const rolesSchema = z
  .strictObject({
    default: roleNames.prefault([]).meta({
      description: 'Given to every caller whom this realm authenticates: a list, or a text with spaces.',
    }),
    mapping: z
      .record(text(), roleNames)
      .prefault({})
      .meta({ description: 'Group to roles, as a list or a text with spaces. Other groups give nothing.' }),
  })
  .prefault({});

export const realmSchema = z.strictObject({
  name: name().meta({ description: 'Unique name, for routes, logs and metrics.', examples: ['fusion'] }),
  type: z
    .enum(['jwt', 'self'], {
      error: ({ input }) =>
        input === 'saml2' ? '"saml2" is not available in this version; use jwt' : 'must be jwt or self',
    })
    .default('jwt')
    .meta({ description: '`jwt`: tokens of an issuer. `self`: those of our own token service.' }),
  revocation: z.enum(['none', 'checkSid']).default('checkSid').meta({
    description:
      'For `self`: `checkSid` refuses access tokens within a second after their refresh token was revoked.',
  }),
  issuer: text().meta({ description: 'Must equal `iss` of the token, byte for byte.' }),
  audiences: z
    .array(text())
    .default([])
    .meta({ description: 'One of these must stand in `aud`. Empty: not checked, and warned about.' }),
  jwksUri: keySourceUrl()
    .nullable()
    .default(null)
    .meta({
      description: 'Where the key set is fetched (https; http on the loopback address only).',
      examples: ['https://idp.example.com/.well-known/jwks.json'],
    }),
  discovery: z.boolean().default(false).meta({
    description: 'Find the key set from the issuer (OpenID Connect Discovery, RFC 8414).',
  }),
  jwks: jwksSchema.meta({ description: 'How the key set is fetched and kept.' }),
  signingKey: signingKeySchema
    .nullable()
    .default(null)
    .meta({ description: 'The key itself: exactly one of `secret`, `secretBase64`, `pemFile`, `jwk`.' }),
  algorithms: z
    .array(verificationAlgorithm())
    .min(1, { error: 'is empty: leave it out to accept what the keys serve' })
    .optional()
    .meta({
      description: 'Accepted algorithms. Default: HS256 for a secret, the family of the key otherwise.',
    }),
  allowUnsigned: z.boolean().default(false).meta({
    description: 'Accept tokens without signature. Only for a realm without keys; anybody can write them.',
  }),
  chained: z.boolean().default(false).meta({
    description: 'Its issuer may equal `assertion.issuer`: the caller is another countersign.',
  }),
  requireExpiration: z.boolean().default(true).meta({ description: 'Refuse tokens without `exp`.' }),
  requiredClaims: z.array(claimPath()).default([]).meta({ description: 'Claims that must be there.' }),
  clockSkew: durationOr('60s', { min: '0s', max: '10m' }).meta({
    description: 'How far the clock of the issuer may be off.',
  }),
  maxAge: duration({ min: '1s', max: '3650d' })
    .nullable()
    .prefault(null)
    .meta({ description: 'Oldest accepted `iat`; `null`: not checked.' }),
  iatUnit: z.enum(['auto', 'seconds', 'milliseconds']).default('auto').meta({
    description: 'Unit of `iat`. RFC 7519 says seconds; the sample of Fusion has milliseconds.',
  }),
  types: z
    .array(text())
    .default([])
    .meta({ description: 'Accepted `typ`; empty: JWT, at+jwt or none.', examples: [['at+jwt']] }),
  tokenFrom: z
    .array(tokenLocationSchema)
    .min(1, { error: 'is empty: this realm would never see a token' })
    .default([{ header: 'Authorization', scheme: 'Bearer', schemeCaseSensitive: true }])
    .meta({ description: 'Where the token is looked for. Tokens in two of these places are 400.' }),
  claims: claimsSchema.meta({ description: 'Which claims mean what.' }),
  roles: rolesSchema.meta({ description: 'How callers get roles.' }),
  claimMapping: z
    .record(text(), text())
    .default({})
    .meta({
      description: 'Claim of the token to claim of the assertion.',
      examples: [{ given_name: 'http://wso2.org/claims/givenname' }],
    }),
  unmappedClaims: z.enum(['pass', 'drop', 'prefix']).default('pass').meta({
    description:
      'Claims that `claimMapping` does not name: handed on, left out, or handed on under the dialect.',
  }),
  tokenCache: z
    .strictObject({
      max: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(10_000)
        .meta({ description: 'Verified tokens remembered.' }),
    })
    .prefault({})
    .meta({ description: 'Verified tokens are remembered until they expire or their keys change.' }),
});

export type RealmConfig = z.output<typeof realmSchema>;
