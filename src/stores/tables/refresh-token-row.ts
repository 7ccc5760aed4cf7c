/** A refresh token's record to and from its row. */
import type { RefreshTokenRecord } from '../../tokens/refresh-token.ts';
import type { Row, Value } from '../driver.ts';
import { body, integer, text, textOrNull } from '../row.ts';

/** In the order of `refreshTokenValues`. */
export const REFRESH_TOKEN_COLUMNS = `id, tenant_id, user_id, application_id, lookup, sealed_value, sequence,
  start_instant, insert_instant, access_expires_instant, auth_time_seconds, authentication_type, meta_data`;

/** Where nothing says that the value is not a retired one, something else has to. */
export const INSERT_UNRETIRED_TOKEN = `INSERT INTO refresh_tokens (${REFRESH_TOKEN_COLUMNS})
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`;

/** A value that was retired is taken for good: the condition covers what the unique index does not. */
export const INSERT_REFRESH_TOKEN = `INSERT INTO refresh_tokens (${REFRESH_TOKEN_COLUMNS})
  SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT),
    CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT),
    CAST($11 AS BIGINT), CAST($12 AS TEXT), CAST($13 AS TEXT)
  WHERE NOT EXISTS (SELECT 1 FROM retired_values WHERE retired_values.lookup = $5)`;

export function refreshTokenOf(row: Row): RefreshTokenRecord {
  return {
    id: text(row, 'id'),
    tenantId: text(row, 'tenant_id'),
    userId: text(row, 'user_id'),
    applicationId: textOrNull(row, 'application_id'),
    lookup: text(row, 'lookup'),
    sealedValue: text(row, 'sealed_value'),
    sequence: integer(row, 'sequence'),
    startInstant: integer(row, 'start_instant'),
    insertInstant: integer(row, 'insert_instant'),
    accessExpiresInstant: integer(row, 'access_expires_instant'),
    authTimeSeconds: integer(row, 'auth_time_seconds'),
    authenticationType: text(row, 'authentication_type'),
    metaData: body(row, 'meta_data'),
  };
}

export function refreshTokenValues(record: RefreshTokenRecord): Value[] {
  return [
    record.id,
    record.tenantId,
    record.userId,
    record.applicationId,
    record.lookup,
    record.sealedValue,
    record.sequence,
    record.startInstant,
    record.insertInstant,
    record.accessExpiresInstant,
    record.authTimeSeconds,
    record.authenticationType,
    JSON.stringify(record.metaData),
  ];
}
