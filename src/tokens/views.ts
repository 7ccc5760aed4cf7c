/** How users and refresh tokens look from without: in answers and events. */
import type { JsonObject } from '../core/json.ts';
import type { MetaData } from '../objects/meta-data.ts';
import type { User } from '../objects/user.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';

export interface RefreshTokenView {
  /** Absent: a session token. */
  readonly applicationId?: string;
  readonly id: string;
  readonly insertInstant: number;
  readonly metaData: MetaData;
  readonly startInstant: number;
  /** The value; absent in events. */
  readonly token?: string;
  readonly userId: string;
}

/** @param value null: it is not shown */
export function refreshTokenView(record: RefreshTokenRecord, value: string | null): RefreshTokenView {
  const { applicationId, id, insertInstant, metaData, startInstant, userId } = record;
  return {
    ...(applicationId === null ? {} : { applicationId }),
    id,
    insertInstant,
    metaData: { ...metaData, scopes: metaData.scopes ?? [] },
    startInstant,
    ...(value === null ? {} : { token: value }),
    userId,
  };
}

/** Without the password's hash, and without members that hold nothing. */
export function userJson({ passwordHash: _, registrations, ...members }: User): JsonObject {
  return asJson({ ...withoutNull(members), registrations: registrations.map(withoutNull) });
}

function withoutNull(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

/** A copy of plain values as JSON: members without value are left out. */
export function asJson(value: object): JsonObject {
  const copy: JsonObject = JSON.parse(JSON.stringify(value));
  return copy;
}
