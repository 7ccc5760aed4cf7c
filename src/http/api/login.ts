/** Operations that begin and end a user's session by password and cookie. */
import { z } from 'zod';
import { text, uuid } from '../../objects/values.ts';
import { login } from '../../tokens/login.ts';
import { logout } from '../../tokens/logout.ts';
import { empty } from './answer.ts';
import type { Call } from './call.ts';
import { clearedCookies } from './cookies.ts';
import { operation } from './operation.ts';
import { flag } from './schemas.ts';
import { loginAnswers, loginJson, loginMembers } from './session.ts';

/** Longer ones are work for us, and no one's. */
const PASSWORD_MAX_CHARS = 256;

/**
 * A backend that logs its users in has one address for all of them: whom it names by `ipAddress` is counted in its place,
 * or anybody could lock out anybody else through it (security row T13). Where it names nobody, only the name and the
 * backend are known, and passwords are not counted for the address. Without an API key `ipAddress` is the caller's word.
 *
 * @throws ServiceError 429
 */
function limitLogin(
  { caller, countedAs, limiter }: Call,
  { loginId, ipAddress }: { readonly loginId: string; readonly ipAddress?: string | undefined },
): void {
  if (caller === null) limiter.anonymous(countedAs);
  const person = caller === null ? countedAs : ipAddress;
  limiter.login(person ?? countedAs, loginId);
  if (person !== undefined) limiter.password(person);
}

const logIn = operation({
  method: 'POST',
  path: '/api/login',
  operationId: 'login',
  summary: 'Logs a user in by password.',
  tag: 'Login',
  auth: 'optionalApiKey',
  request: {
    body: z.object({
      ...loginMembers,
      loginId: text().meta({ description: 'E-mail address or username.' }),
      password: z.string().min(1, { error: 'is empty' }).max(PASSWORD_MAX_CHARS),
      applicationId: uuid().optional(),
    }),
  },
  answers: loginAnswers,
  handle: async (call, { body }) => {
    const { service, caller, scope } = call;
    limitLogin(call, body);
    return loginJson(call, await login(service, body, caller, scope));
  },
});

const logOut = operation({
  method: 'POST',
  path: '/api/logout',
  operationId: 'logout',
  summary: 'Ends the session of a refresh token, with global all of its user, and takes the cookies away.',
  tag: 'Login',
  auth: 'none',
  isGuarded: true,
  allowsPlainText: true,
  request: {
    query: z.object({ global: flag(), refreshToken: z.string().optional() }),
    body: z.object({ global: z.boolean().optional(), refreshToken: z.string().optional() }),
  },
  answers: { 200: { description: 'The session is over.' } },
  handle: async ({ service, scope, cookies, jar }, { query, body }) => {
    const refreshToken = cookies.refreshToken ?? body.refreshToken ?? query.refreshToken;
    await logout(service, { refreshToken, global: query.global || body.global === true }, scope);
    return { ...empty(200), cookies: clearedCookies(jar) };
  },
});

export const LOGIN_OPERATIONS = [logIn, logOut];
