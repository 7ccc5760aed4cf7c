/** Rows O03 and I10: what clients choose makes no series; names of the configuration and tables of codes do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { seededRandom } from '../support/random.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { hs256 } from '../support/tokens.ts';

const SEED = 20_260_105;
const CONNECTIONS = 10;
const REQUESTS = 100;
/** For two realms and a few routes. */
const SERIES_MAX = 2000;
/** Marks everything that a client makes up here. */
const MARK = 'made-up';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(withRealms([fusionRealm()]));
});
afterAll(() => gateway.stop());

const random = seededRandom(SEED);
const word = () => `${MARK}-${random.below(2 ** 30)}`;

/** Path, host, user agent, issuer, key, subject and algorithm of its own. */
function madeUpRequest(): string {
  const alg = random.pick(['HS256', 'RS256', 'none', word()]);
  const token = hs256(word(), { iss: random.pick(['fusion', word()]), sub: word() }, { kid: word(), alg });
  const path = random.pick(['/placeFinder/1.0.0/', '/api/roles/', '/']) + word();
  const method = random.pick(['GET', 'HEAD', 'DELETE', 'OPTIONS']);
  return `${method} ${path} HTTP/1.1\r\nHost: ${word()}.test\r\nUser-Agent: ${word()}\r\nX-Request-Id: ${word()}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}

async function sendMany(): Promise<void> {
  const port = Number(new URL(gateway.url).port);
  const send = async () => {
    const client = await rawClient(port);
    client.send(Array.from({ length: REQUESTS }, madeUpRequest).join(''));
    client.send('GET /the-end HTTP/1.1\r\nHost: end.test\r\nConnection: close\r\n\r\n');
    await client.closed();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
  for (let index = 0; index < CONNECTIONS; index += 1)
    await exchange(port, `${word().toUpperCase()} / HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
}

/** Without those of garbage collection, which begin with the first collection of their kind, whatever clients do. */
const seriesOf = (page: string) => page.split('\n').filter((line) => /^(?!nodejs_gc_)[^#]/.test(line));

describe('the series of the metrics', () => {
  it('do not grow by what clients make up, and hold nothing of it (O03, I10)', async () => {
    await sendMany();
    const before = seriesOf(await gateway.metrics()).map((line) => line.split(' ')[0]);
    await sendMany();
    const page = await gateway.metrics();
    const after = seriesOf(page).map((line) => line.split(' ')[0]);
    expect(page.toLowerCase()).not.toContain(MARK);
    expect(after).toHaveLength(new Set(after).size);
    expect(after.filter((series) => !before.includes(series))).toEqual([]);
    expect(after.length).toBeLessThan(SERIES_MAX);
    expect(after.length).toBeGreaterThan(100);
  });
});
