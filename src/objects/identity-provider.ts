/** An External JWT identity provider: whose tokens are taken, and how they become users. */
import { z } from 'zod';
import { data, httpUrl, name, type Stored, text, uuid } from './values.ts';

export const LINKING_STRATEGIES = [
  'LinkByEmail',
  'LinkByEmailForExistingUser',
  'LinkByUsername',
  'LinkByUsernameForExistingUser',
  'LinkAnonymously',
  'CreatePendingLink',
  'Disabled',
] as const;

export const CLAIM_TARGETS = [
  'birthDate',
  'firstName',
  'lastName',
  'fullName',
  'middleName',
  'mobilePhone',
  'imageUrl',
  'timezone',
  'UserData',
  'RegistrationData',
] as const;

export type LinkingStrategy = (typeof LINKING_STRATEGIES)[number];
export type ClaimTarget = (typeof CLAIM_TARGETS)[number];

/** Domains, keys and claims of one provider are looked through per reconcile. */
const LIST_MAX = 1000;

const domain = () =>
  z
    .string()
    .toLowerCase()
    .regex(/^[^\s@]{1,253}$/, { error: 'is no domain' });

const claimName = (preset: string) => text().default(preset);

const applicationConfigurationSchema = z.strictObject({
  enabled: z.boolean().default(false).meta({ description: 'Whether it serves the application.' }),
  createRegistration: z.boolean().default(true).meta({ description: 'Whether users are registered there.' }),
});

const linkLimitSchema = z.strictObject({
  enabled: z.boolean().default(false).meta({ description: 'Whether links are counted.' }),
  maximumLinks: z.int().min(1).default(42).meta({ description: 'Links of one user with this provider.' }),
});

export const identityProviderSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  type: z
    .literal('ExternalJWT', { error: 'is not available: only ExternalJWT is' })
    .default('ExternalJWT')
    .meta({ description: 'Kind of provider.' }),
  name: name().meta({ description: 'Unique among identity providers.' }),
  tenantId: uuid().nullish().meta({ description: 'Without it, the provider serves every tenant.' }),
  enabled: z.boolean().default(false).meta({ description: 'Whether its tokens are taken.' }),
  debug: z.boolean().default(false).meta({ description: 'Each reconcile leaves a Debug event log.' }),
  headerKeyParameter: text().default('kid').meta({ description: 'Header member that names the key.' }),
  defaultKeyId: uuid().nullish().meta({ description: 'Key of tokens without that header member.' }),
  verificationKeyIds: z
    .array(uuid())
    .max(LIST_MAX)
    .default([])
    .meta({ description: 'Keys that its tokens may name.' }),
  keys: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Older form: PEM by identifier; the empty identifier is the default key.' }),
  jwksUri: httpUrl().nullish().meta({ description: 'Verification keys from a key set.' }),
  issuer: text().nullish().meta({ description: 'Where given, `iss` must equal it.' }),
  audiences: z.array(text()).max(LIST_MAX).optional().meta({
    description:
      'Where given, one of these must stand in `aud`. Without it, tokens for other services are taken too.',
  }),
  domains: z.array(domain()).max(LIST_MAX).default([]).meta({
    description: 'Where given, only e-mail addresses of these domains are reconciled.',
  }),
  linkingStrategy: z.enum(LINKING_STRATEGIES).default('LinkByEmail').meta({
    description: 'How an identity without link becomes a user.',
  }),
  claimMap: z
    .record(text(), z.enum(CLAIM_TARGETS, { error: `is none of ${CLAIM_TARGETS.join(', ')}` }))
    .default({})
    .meta({ description: 'Incoming claim to a field of the user, or to UserData or RegistrationData.' }),
  lambdaConfiguration: z
    .strictObject({
      reconcileId: uuid().nullish().meta({ description: 'Lambda of type ExternalJWTReconcile.' }),
    })
    .prefault({})
    .meta({ description: 'User code that runs at reconcile.' }),
  oauth2: z
    .strictObject({
      authorization_endpoint: text().nullish().meta({ description: 'Shown by lookup; never called.' }),
      token_endpoint: text().nullish().meta({ description: 'Shown by lookup; never called.' }),
      uniqueIdClaim: claimName('sub').meta({ description: 'Claim that names the identity.' }),
      emailClaim: claimName('email').meta({ description: 'Claim with the e-mail address.' }),
      emailVerifiedClaim: claimName('email_verified').meta({
        description: 'Claim; false: the address links nobody.',
      }),
      usernameClaim: claimName('preferred_username').meta({ description: 'Claim with the username.' }),
    })
    .prefault({})
    .meta({ description: 'Names of claims, and endpoints that lookup shows.' }),
  uniqueIdentityClaim: text().nullish().meta({
    description: 'Deprecated. Where given, users are found by this claim, normally `email`.',
  }),
  applicationConfiguration: z
    .record(uuid(), applicationConfigurationSchema)
    .default({})
    .meta({ description: 'By application id.' }),
  tenantConfiguration: z
    .record(
      uuid(),
      z.strictObject({
        limitUserLinkCount: linkLimitSchema.prefault({}).meta({ description: 'Bound on links.' }),
      }),
    )
    .default({})
    .meta({ description: 'By tenant id.' }),
  data: data().default({}).meta({ description: 'Free-form JSON of your own.' }),
});

export type IdentityProvider = Stored<z.output<typeof identityProviderSchema>>;

/** True: a token that its issuer made for another service becomes a login (RFC 8725 §3.9). A key set has the keys of them all. */
export function takesForeignAudiences({
  jwksUri,
  audiences = [],
}: Pick<IdentityProvider, 'jwksUri' | 'audiences'>): boolean {
  return typeof jwksUri === 'string' && audiences.length === 0;
}
