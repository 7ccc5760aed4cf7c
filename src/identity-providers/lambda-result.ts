/** What a reconcile lambda may change: everything else of user and registration stays, whatever it wrote. */
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Application } from '../objects/application.ts';
import { registrationSchema, type User, userSchema } from '../objects/user.ts';
import type { ReconciledUser } from '../tokens/ports.ts';

/** Not `email` and `username`: they are fixed once the user is linked. Not `active`, `verified`, `expiry` and ids. */
const changeableUser = userSchema
  .pick({
    birthDate: true,
    firstName: true,
    middleName: true,
    lastName: true,
    fullName: true,
    mobilePhone: true,
    imageUrl: true,
    timezone: true,
    data: true,
  })
  .strip();

const changeableRegistration = registrationSchema.pick({ roles: true, timezone: true, data: true }).strip();

/** What the lambda is shown of a user. */
export function visibleUser({ passwordHash: _, registrations: __, ...user }: User): JsonObject {
  return withoutUndefined(user);
}

export function withoutUndefined(object: Readonly<Record<string, Json | undefined>>): JsonObject {
  const members = Object.entries(object).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return Object.fromEntries(members);
}

/**
 * Roles that the application does not have are left out.
 *
 * @param left user and registration as the lambda left them; untrusted
 * @throws Error where they are not of the form of a user and a registration; the message names the members
 */
export function mergeLambdaResult(
  before: ReconciledUser,
  left: { readonly user: Json | undefined; readonly registration: Json | undefined },
  { roles }: Pick<Application, 'roles'>,
): ReconciledUser {
  const user = changeableUser.safeParse(left.user);
  if (!user.success) throw new Error(`user is not in order: ${membersOf(user.error.issues)}`);
  const read = changeableRegistration.safeParse(left.registration);
  if (!read.success) throw new Error(`registration is not in order: ${membersOf(read.error.issues)}`);
  const { roles: wanted = before.registration.roles, ...registration } = read.data;
  const known = new Set(roles.map(({ name }) => name));
  return {
    user: { ...before.user, ...user.data },
    registration: {
      ...before.registration,
      ...registration,
      roles: [...new Set(wanted)].filter((role) => known.has(role)),
    },
  };
}

function membersOf(issues: readonly { readonly path: readonly PropertyKey[] }[]): string {
  return issues.map(({ path }) => path.join('.')).join(', ');
}

/** The arguments of a call, which came back as JSON text. @throws Error where it is no JSON array of objects */
export function parseArguments(text: string): readonly JsonObject[] {
  const values: unknown = JSON.parse(text);
  if (!Array.isArray(values)) throw new Error('The lambda left no arguments');
  const objects = values.filter((value: Json) => isJsonObject(value));
  if (objects.length !== values.length) throw new Error('The lambda left an argument that is no object');
  return objects;
}
