/** A claims retriever that reads the attributes of users from a JSON file. See docs/claims-retrievers.md. */
import { readFile } from 'node:fs/promises';
import type { RetrieverModule, UserAttributes } from '../../src/claims/retriever.ts';

const USERS_FILE = new URL('users.json', import.meta.url);

let users: ReadonlyMap<string, UserAttributes> = new Map();

const directory: RetrieverModule = {
  async init() {
    users = new Map(Object.entries(JSON.parse(await readFile(USERS_FILE, 'utf8'))));
  },

  /** Unknown users have no attributes: that is an answer, not a failure. */
  getClaims(endUser) {
    return users.get(endUser) ?? {};
  },

  getDialectURI() {
    return 'http://wso2.org/claims';
  },
};

export default directory;
