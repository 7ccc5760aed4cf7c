/** Links of users to their identities at providers. */
import type { IdentityProviderLink, LinkTable } from '../../tokens/store.ts';
import type { Queries, Row } from '../driver.ts';
import { integer, integerOrNull, text, textOrNull } from '../row.ts';

const LINK_COLUMNS = `tenant_id, identity_provider_id, identity_provider_user_id, user_id, display_name,
  insert_instant, last_login_instant`;
const ONE = 'tenant_id = $1 AND identity_provider_id = $2 AND identity_provider_user_id = $3';

const DELETE_SOME_OF_PROVIDER = `DELETE FROM links WHERE identity_provider_id = $1
  AND (tenant_id, identity_provider_user_id) IN (
    SELECT tenant_id, identity_provider_user_id FROM links WHERE identity_provider_id = $1 LIMIT $2)`;

function linkOf(row: Row): IdentityProviderLink {
  return {
    tenantId: text(row, 'tenant_id'),
    identityProviderId: text(row, 'identity_provider_id'),
    identityProviderUserId: text(row, 'identity_provider_user_id'),
    userId: text(row, 'user_id'),
    displayName: textOrNull(row, 'display_name'),
    insertInstant: integer(row, 'insert_instant'),
    lastLoginInstant: integerOrNull(row, 'last_login_instant'),
  };
}

async function list(queries: Queries, userId: string, identityProviderId?: string) {
  const ofProvider = identityProviderId === undefined ? '' : 'AND identity_provider_id = $2';
  const { rows } = await queries.query(
    `SELECT ${LINK_COLUMNS} FROM links WHERE user_id = $1 ${ofProvider}
     ORDER BY insert_instant, identity_provider_id, identity_provider_user_id`,
    identityProviderId === undefined ? [userId] : [userId, identityProviderId],
  );
  return rows.map(linkOf);
}

export function linkTable(queries: Queries): LinkTable {
  return {
    async get(...identity) {
      const { rows } = await queries.query(`SELECT ${LINK_COLUMNS} FROM links WHERE ${ONE}`, identity);
      return rows[0] === undefined ? null : linkOf(rows[0]);
    },
    list: (userId, identityProviderId) => list(queries, userId, identityProviderId),
    async insert(link) {
      await queries.query(`INSERT INTO links (${LINK_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`, [
        link.tenantId,
        link.identityProviderId,
        link.identityProviderUserId,
        link.userId,
        link.displayName,
        link.insertInstant,
        link.lastLoginInstant,
      ]);
    },
    async touch({ tenantId, identityProviderId, identityProviderUserId }, lastLoginInstant) {
      const { count } = await queries.query(`UPDATE links SET last_login_instant = $4 WHERE ${ONE}`, [
        tenantId,
        identityProviderId,
        identityProviderUserId,
        lastLoginInstant,
      ]);
      return count > 0;
    },
    async delete(...identity) {
      return (await queries.query(`DELETE FROM links WHERE ${ONE}`, identity)).count > 0;
    },
    async deleteOfProvider(identityProviderId, maxCount) {
      return (await queries.query(DELETE_SOME_OF_PROVIDER, [identityProviderId, maxCount])).count;
    },
  };
}
