/** The store that the token service sees: its tables over whichever database the driver speaks to. */
import type { Records, Store } from '../tokens/store.ts';
import type { CatalogBodies } from './catalog-bodies.ts';
import type { Driver, Queries } from './driver.ts';
import { catalogTable } from './tables/catalog.ts';
import { eventLogTable } from './tables/event-logs.ts';
import { linkTable } from './tables/links.ts';
import { loginRecordTable } from './tables/login-records.ts';
import { loginTable } from './tables/logins.ts';
import { masterKeyTable } from './tables/master-keys.ts';
import { pendingLinkTable } from './tables/pending-links.ts';
import { refreshTokenTable } from './tables/refresh-tokens.ts';
import { removalTable } from './tables/removals.ts';
import { revocationTable } from './tables/revocations.ts';
import { sealedValueTable } from './tables/sealed-values.ts';
import { signingKeyTable } from './tables/signing-keys.ts';
import { userTable } from './tables/users.ts';
import { webhookDeliveryTable } from './tables/webhook-deliveries.ts';

/** Each table is made where it is asked for: a change asks for one of them. */
function recordsOf(queries: Queries, bodies: CatalogBodies): Records {
  return {
    get catalog() {
      return catalogTable(queries, bodies);
    },
    get users() {
      return userTable(queries);
    },
    get refreshTokens() {
      return refreshTokenTable(queries);
    },
    get revocations() {
      return revocationTable(queries);
    },
    get links() {
      return linkTable(queries);
    },
    get pendingLinks() {
      return pendingLinkTable(queries);
    },
    get eventLogs() {
      return eventLogTable(queries);
    },
    get loginRecords() {
      return loginRecordTable(queries);
    },
    get logins() {
      return loginTable(queries);
    },
    get webhookDeliveries() {
      return webhookDeliveryTable(queries);
    },
    get signingKeys() {
      return signingKeyTable(queries);
    },
    get removals() {
      return removalTable(queries);
    },
    get masterKeys() {
      return masterKeyTable(queries);
    },
    get sealedValues() {
      return sealedValueTable(queries);
    },
  };
}

export function createStore(driver: Driver, bodies: CatalogBodies): Store {
  return {
    ...recordsOf(driver, bodies),
    transaction: (work) => driver.transaction((queries) => work(recordsOf(queries, bodies))),
    onNotice: (listener) => driver.onNotice(listener),
    async ping() {
      await driver.query('SELECT 1 AS answer');
    },
    close: () => driver.close(),
  };
}
