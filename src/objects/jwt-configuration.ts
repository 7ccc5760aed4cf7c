/** How long tokens live and how refresh tokens are used: `jwtConfiguration` of tenants and applications. */
import { z } from 'zod';
import { uuid } from './values.ts';

export const EXPIRATION_POLICIES = ['Fixed', 'SlidingWindow', 'SlidingWindowWithMaximumLifetime'] as const;
export const USAGE_POLICIES = ['Reusable', 'OneTimeUse'] as const;

/** One year: longer lives are sessions that no one ends. */
const ACCESS_TTL_MAX_SECONDS = 365 * 24 * 3600;
/** Ten years. */
const REFRESH_TTL_MAX_MINUTES = 10 * 365 * 24 * 60;
/** One day: past it an old value is no lost response but a copy (FusionAuth's bound). */
const GRACE_MAX_SECONDS = 86_400;

const minutes = () => z.int().min(1).max(REFRESH_TTL_MAX_MINUTES);

const members = {
  accessTokenKeyId: uuid().nullish().meta({ description: 'Key that signs access tokens.' }),
  timeToLiveInSeconds: z.int().min(1).max(ACCESS_TTL_MAX_SECONDS).default(3600).meta({
    description: 'Life of an access token, in seconds.',
  }),
  refreshTokenTimeToLiveInMinutes: minutes().default(43_200).meta({
    description: 'Life of a refresh token from its `startInstant`, in minutes.',
  }),
  refreshTokenExpirationPolicy: z.enum(EXPIRATION_POLICIES).default('Fixed').meta({
    description: 'Whether use moves `startInstant`, and whether a maximum counts from `insertInstant`.',
  }),
  refreshTokenSlidingWindowConfiguration: z
    .strictObject({ maximumTimeToLiveInMinutes: minutes().default(43_200).meta({ description: 'Minutes.' }) })
    .prefault({})
    .meta({ description: 'For SlidingWindowWithMaximumLifetime: the end, counted from `insertInstant`.' }),
  refreshTokenUsagePolicy: z.enum(USAGE_POLICIES).default('Reusable').meta({
    description: 'OneTimeUse: each use gives a new value, and the old one is dead.',
  }),
  refreshTokenOneTimeUseConfiguration: z
    .strictObject({
      gracePeriodInSeconds: z
        .int()
        .min(0)
        .max(GRACE_MAX_SECONDS)
        .default(0)
        .meta({ description: 'Seconds; 0: none.' }),
    })
    .prefault({})
    .meta({ description: 'How long a used value still answers with the current one, in seconds.' }),
  refreshTokenRevocationPolicy: z
    .strictObject({
      onOneTimeTokenReuse: z
        .boolean()
        .default(false)
        .meta({ description: 'True: it ends. `check` warns without it.' }),
    })
    .prefault({})
    .meta({ description: 'Whether a used value that comes again ends the session.' }),
};

function hasRoomForMaximum(value: {
  readonly refreshTokenExpirationPolicy: string;
  readonly refreshTokenTimeToLiveInMinutes: number;
  readonly refreshTokenSlidingWindowConfiguration: { readonly maximumTimeToLiveInMinutes: number };
}): boolean {
  return (
    value.refreshTokenExpirationPolicy !== 'SlidingWindowWithMaximumLifetime' ||
    value.refreshTokenSlidingWindowConfiguration.maximumTimeToLiveInMinutes >=
      value.refreshTokenTimeToLiveInMinutes
  );
}

const MAXIMUM_TOO_SHORT = {
  error: 'is shorter than refreshTokenTimeToLiveInMinutes',
  path: ['refreshTokenSlidingWindowConfiguration', 'maximumTimeToLiveInMinutes'],
};

export const tenantJwtConfigurationSchema = z
  .strictObject(members)
  .refine(hasRoomForMaximum, MAXIMUM_TOO_SHORT);

/** Of an application: counts only while `enabled`; otherwise the tenant's applies. */
export const applicationJwtConfigurationSchema = z
  .strictObject({
    enabled: z.boolean().default(false).meta({ description: 'Whether this counts instead of the tenant’s.' }),
    ...members,
  })
  .refine(hasRoomForMaximum, MAXIMUM_TOO_SHORT);

export type JwtConfiguration = Readonly<z.output<typeof tenantJwtConfigurationSchema>>;
