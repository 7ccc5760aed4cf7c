/** The store that the token service sees: its tables over whichever database the driver speaks to. */
import type { Records, Store } from '../tokens/store.ts';
import type { Driver, Queries } from './driver.ts';
import { catalogTable } from './tables/catalog.ts';
import { eventLogTable } from './tables/event-logs.ts';
import { linkTable } from './tables/links.ts';
import { loginRecordTable } from './tables/login-records.ts';
import { pendingLinkTable } from './tables/pending-links.ts';
import { refreshTokenTable } from './tables/refresh-tokens.ts';
import { revocationTable } from './tables/revocations.ts';
import { userTable } from './tables/users.ts';
import { webhookDeliveryTable } from './tables/webhook-deliveries.ts';

function recordsOf(queries: Queries): Records {
  return {
    catalog: catalogTable(queries),
    users: userTable(queries),
    refreshTokens: refreshTokenTable(queries),
    revocations: revocationTable(queries),
    links: linkTable(queries),
    pendingLinks: pendingLinkTable(queries),
    eventLogs: eventLogTable(queries),
    loginRecords: loginRecordTable(queries),
    webhookDeliveries: webhookDeliveryTable(queries),
  };
}

export function createStore(driver: Driver): Store {
  return {
    ...recordsOf(driver),
    transaction: (work) => driver.transaction((queries) => work(recordsOf(queries))),
    onNotice: (listener) => driver.onNotice(listener),
    async ping() {
      await driver.query('SELECT 1 AS answer');
    },
    close: () => driver.close(),
  };
}
