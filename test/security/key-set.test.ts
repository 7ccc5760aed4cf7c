/** The key-set engine and the document fetcher together, against a hostile or broken issuer on a real socket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDocumentFetcher } from '../../src/forward/fetch-document.ts';
import { createKeySet, type KeySetSettings, type RemoteKeySet } from '../../src/jwt/jwks.ts';
import {
  type Answer,
  delayed,
  endless,
  gzipBomb,
  hang,
  headersOnly,
  type Idp,
  keySet as keySetAnswer,
  keySetWithEtag,
  redirect,
  resetMidBody,
  startIdp,
  statusOnly,
  text,
} from '../support/idp.ts';
import { testKey } from '../support/tokens.ts';

const k1 = testKey('ES256', 'k1').jwk;
const k2 = testKey('ES256', 'k2').jwk;

let idp: Idp;
let nowMs = Date.UTC(2026, 0, 1);
let dueFetch: (() => void) | null = null;
const opened: RemoteKeySet[] = [];

beforeEach(async () => {
  idp = await startIdp();
  idp.answerJwks(keySetAnswer([k1]));
});
afterEach(async () => {
  for (const keySet of opened.splice(0)) keySet.close();
  await idp.close();
});

function open(changes: Partial<KeySetSettings> = {}): RemoteKeySet {
  const keySet = createKeySet({
    source: { kind: 'url', url: idp.jwksUri },
    timeoutMs: 3000,
    cacheTtlMs: 600_000,
    cooldownMs: 30_000,
    maxStaleMs: 86_400_000,
    fetchDocument: createDocumentFetcher({ ca: null }),
    clock: () => nowMs,
    random: () => 0,
    schedule: (run) => {
      dueFetch = run;
      return () => {
        dueFetch = null;
      };
    },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    ...changes,
  });
  opened.push(keySet);
  return keySet;
}

const find = async (keySet: RemoteKeySet, kid: string) => (await keySet.find(kid)).map((key) => key.kid);
const code = (name: string) => expect.objectContaining({ code: name });

describe('key set of a hostile issuer', () => {
  const trouble: [string, Answer, RegExp][] = [
    ['K01 a redirect', redirect('http://169.254.169.254/latest/meta-data'), /redirect/],
    ['K03 an endless body', endless().answer, /larger/],
    ['K03 a gzip bomb', gzipBomb(64 * 1024 * 1024), /compressed/],
    ['K03 silence', hang, /within 300 ms/],
    ['K03 headers without a body', headersOnly, /within 300 ms/],
    ['K03 a reset in the body', resetMidBody, /./],
    ['K04 html', text('<html></html>', { 'content-type': 'text/html' }), /JSON/],
    ['K04 no list of keys', text('{"keys":{}}'), /list/],
    ['K04 nothing but null', text('{"keys":[null]}'), /no usable key/],
    ['K05 an empty set', keySetAnswer([]), /no usable key/],
    ['status 500', statusOnly(500), /status 500/],
  ];

  it.each(trouble)('%s: the old keys stay, and the cause is named', async (_name, answer, cause) => {
    const keySet = open({ timeoutMs: 300 });
    await keySet.start();
    idp.answerJwks(answer);
    await keySet.refresh();
    expect(await find(keySet, 'k1')).toEqual(['k1']);
    expect(keySet.status().lastError).toMatch(cause);
  });

  it.each(trouble)('%s at the start: 503, never 401, and one fetch', async (_name, answer) => {
    idp.answerJwks(answer);
    const keySet = open({ timeoutMs: 300 });
    void keySet.start();
    await expect(find(keySet, 'k1')).rejects.toEqual(code('keys_unavailable'));
    await expect(find(keySet, 'k1')).rejects.toEqual(code('keys_unavailable'));
    expect(idp.hits()).toBe(1);
  });

  it('K04 one bad key among good ones: the good ones are used, the bad one is named', async () => {
    idp.answerJwks(text(JSON.stringify({ keys: [null, { ...k2, alg: 'ES512' }, k1] })));
    const keySet = open();
    await keySet.start();
    expect(keySet.status()).toMatchObject({
      kids: ['k1'],
      rejected: [{ kid: null }, { kid: 'k2', reason: 'alg ES512 does not fit the key' }],
    });
  });

  it('K13 a 304 keeps the set', async () => {
    idp.answerJwks(keySetWithEtag([k1], '"v1"'));
    const keySet = open();
    await keySet.start();
    await keySet.refresh();
    expect(idp.lastHeaders()['if-none-match']).toBe('"v1"');
    expect(keySet.status()).toMatchObject({ kids: ['k1'], lastError: null });
  });
});

describe('key set of a slow issuer', () => {
  it('FJR-P38 an answer after the time limit is 503', async () => {
    idp.answerJwks(delayed(700, keySetAnswer([k1])));
    const keySet = open({ timeoutMs: 500 });
    void keySet.start();
    await expect(find(keySet, 'k1')).rejects.toMatchObject({
      code: 'keys_unavailable',
      status: 503,
      message: expect.stringContaining('no complete answer within 500 ms'),
    });
  });

  it('FJR-P38 the same answer within the default limit is taken, by the request that waited for it', async () => {
    idp.answerJwks(delayed(700, keySetAnswer([k1])));
    const keySet = open();
    void keySet.start();
    expect(await find(keySet, 'k1')).toEqual(['k1']);
  });
});

describe('key set of an issuer that rotates', () => {
  it('FJR-P39 a new kid costs one extra GET', async () => {
    const keySet = open();
    await keySet.start();
    idp.answerJwks(keySetAnswer([k2]));
    expect(await find(keySet, 'k2')).toEqual(['k2']);
    expect(idp.hits()).toBe(2);
  });

  it('K08 a flood of 10^5 unknown kids costs one fetch, K09 and a rotation during it is seen in the next', async () => {
    const keySet = open();
    await keySet.start();
    for (let round = 0; round < 100; round += 1) {
      const kids = Array.from({ length: 1000 }, (_, n) => `x${round}-${n}`);
      const outcomes = await Promise.allSettled(kids.map((kid) => find(keySet, kid)));
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    }
    expect(idp.hits()).toBe(2);
    idp.answerJwks(keySetAnswer([k1, k2]));
    nowMs += 30_000;
    const [, found] = await Promise.allSettled([find(keySet, 'x'), find(keySet, 'k2')]);
    expect(found).toEqual({ status: 'fulfilled', value: ['k2'] });
    expect(idp.hits()).toBe(3);
  });
});

describe('key set of an issuer that is down', () => {
  it('K11 down at the start, up later: serves without a restart', async () => {
    const { port } = new URL(idp.issuer);
    await idp.close();
    const keySet = open();
    await keySet.start();
    expect(() => keySet.requireUsable()).toThrow(code('keys_unavailable'));
    expect(keySet.status().lastError).toMatch(/ECONNREFUSED/);
    idp = await startIdp({ port: Number(port) });
    idp.answerJwks(keySetAnswer([k1]));
    dueFetch?.();
    expect(await find(keySet, 'k1')).toEqual(['k1']);
  });

  it('FJR-P40 K12 down after the first load: known kids until maxStale, then 503', async () => {
    const keySet = open();
    await keySet.start();
    await idp.close();
    await keySet.refresh();
    nowMs += 86_400_000 - 1;
    expect(await find(keySet, 'k1')).toEqual(['k1']);
    nowMs += 1;
    await expect(find(keySet, 'k1')).rejects.toMatchObject({ code: 'keys_unavailable', status: 503 });
    idp = await startIdp();
  });
});

describe('key sets of two issuers', () => {
  it('K14 the same kid in two sets names two keys, each found in its own set only', async () => {
    const other = await startIdp();
    other.answerJwks(keySetAnswer([{ ...k2, kid: 'k1' }]));
    const mine = open();
    const theirs = open({ source: { kind: 'url', url: other.jwksUri } });
    await Promise.all([mine.start(), theirs.start()]);
    const [one] = await mine.find('k1');
    const [two] = await theirs.find('k1');
    expect(one?.thumbprint).not.toBe(two?.thumbprint);
    await other.close();
  });

  it('K11 one that hangs does not hold up the other', async () => {
    const hanging = await startIdp();
    hanging.answerJwks(hang);
    const stuck = open({ source: { kind: 'url', url: hanging.jwksUri } });
    const good = open();
    void stuck.start();
    await good.start();
    expect(await find(good, 'k1')).toEqual(['k1']);
    expect(stuck.status().state).toBe('loading');
    await hanging.close();
  });
});
