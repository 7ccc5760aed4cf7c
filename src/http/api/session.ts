/** What login, reconcile and refresh have in common: device and address in the body, tokens and cookies in the answer. */
import { z } from 'zod';
import { metaDataSchema } from '../../objects/meta-data.ts';
import { instant, uuid } from '../../objects/values.ts';
import type { IssuedTokens, LoginResult } from '../../tokens/result.ts';
import { userInForce } from '../../tokens/roles-in-force.ts';
import { type Answer, json } from './answer.ts';
import type { Call } from './call.ts';
import { tokenCookies } from './cookies.ts';
import { renderUser } from './render.ts';
import { shownUser } from './schemas.ts';

/** Of a body that logs a user in. */
export const loginMembers = {
  ipAddress: z
    .union([z.ipv4(), z.ipv6()], { error: 'is no IP address' })
    .optional()
    .meta({ description: 'Of the user, where the caller stands between.' }),
  metaData: metaDataSchema.optional(),
  noJWT: z.boolean().optional().meta({ description: 'Logs in without tokens.' }),
};

const tokenMembers = {
  token: z.string().meta({ description: 'Access token.' }),
  tokenExpirationInstant: instant(),
  refreshToken: z.string(),
  refreshTokenId: uuid(),
};

const loginAnswer = z
  .object({ ...tokenMembers, user: shownUser })
  .partial({ token: true, tokenExpirationInstant: true, refreshToken: true, refreshTokenId: true })
  .meta({ id: 'LoginResponse' });

export const loginAnswers = {
  200: { description: 'The user is logged in.', schema: loginAnswer },
  202: {
    description: 'The user is authenticated, but not registered with the application.',
    schema: loginAnswer,
  },
};

/** With both cookies, as far as there are tokens. */
export function loginJson({ jar, service }: Call, { user, status, tokens }: LoginResult): Answer {
  const shown = { user: renderUser(userInForce(service.catalog(), user)) };
  if (tokens === null) return json(status, shown);
  return json(status, { ...tokensJson(tokens), ...shown }, tokenCookies(jar, tokens));
}

function tokensJson({ token, tokenExpirationInstant, refreshToken }: IssuedTokens) {
  const access = { token, tokenExpirationInstant };
  if (refreshToken === null) return access;
  return { ...access, refreshToken: refreshToken.value, refreshTokenId: refreshToken.id };
}
