/** The claim map: incoming claims become fields of the user, or members of its or the registration's `data`. */
import { type Json, type JsonObject, member } from '../core/json.ts';
import type { ClaimTarget, IdentityProvider } from '../objects/identity-provider.ts';
import { type Registration, type User, userSchema } from '../objects/user.ts';
import { data } from '../objects/values.ts';
import type { ReconciledUser } from '../tokens/ports.ts';

type Field = Exclude<ClaimTarget, 'UserData' | 'RegistrationData'>;

/** Claims that the token lacks, and values that do not fit their field, leave it as it is. */
export function applyClaimMap(
  { claimMap }: Pick<IdentityProvider, 'claimMap'>,
  claims: JsonObject,
  before: ReconciledUser,
): ReconciledUser {
  return Object.entries(claimMap).reduce<ReconciledUser>((state, [claim, target]) => {
    const value = member(claims, claim);
    return value === undefined ? state : withClaim(state, target, claim, value);
  }, before);
}

function withClaim(
  { user, registration }: ReconciledUser,
  target: ClaimTarget,
  claim: string,
  value: Json,
): ReconciledUser {
  if (target === 'UserData') return { user: withData(user, claim, value), registration };
  if (target === 'RegistrationData') return { user, registration: withData(registration, claim, value) };
  return { user: withField(user, target, value), registration };
}

function withData<Owner extends User | Registration>(owner: Owner, claim: string, value: Json): Owner {
  const parsed = data().safeParse({ ...owner.data, [claim]: value });
  return parsed.success ? { ...owner, data: parsed.data } : owner;
}

function withField(user: User, field: Field, value: Json): User {
  const text = typeof value === 'number' ? String(value) : value;
  const parsed = userSchema.shape[field].safeParse(field === 'birthDate' ? isoDate(text) : text);
  return parsed.success && typeof parsed.data === 'string' ? { ...user, [field]: parsed.data } : user;
}

/** ISO 8601 with or without a time, or the American `7/31/1970` that directories export; others as they are. */
function isoDate(value: Json): Json {
  if (typeof value !== 'string') return value;
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(value);
  if (american === null) return value.replace(/T.*$/, '');
  const [, month = '', day = '', year = ''] = american;
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}
