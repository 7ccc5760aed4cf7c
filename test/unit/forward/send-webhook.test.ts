import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookClient } from '../../../src/forward/send-webhook.ts';
import { delayed, endless, hang, type Idp, redirect, startIdp, statusOnly } from '../../support/idp.ts';

const client = createWebhookClient();
let receiver: Idp;
beforeAll(async () => {
  receiver = await startIdp();
});
afterAll(async () => {
  await receiver.close();
  await client.close();
});

/** Longer than a test may last: what waits for it fails. */
const NEVER_MS = 30_000;

const call = (url: string) => ({
  url,
  headers: { 'content-type': 'application/json', authorization: 'Basic x' },
  body: '{"event":{"token":"SECRET"}}',
});
const post = (url: string, timeoutMs = 5000) =>
  client.send({ ...call(url), connectTimeoutMs: timeoutMs / 2, readTimeoutMs: timeoutMs / 2 });

describe('createWebhookClient()', () => {
  it('gives back the status, whatever it is', async () => {
    for (const status of [200, 404, 500]) {
      receiver.answer('/hook', statusOnly(status));
      expect(await post(`${receiver.issuer}/hook`)).toEqual({ status });
    }
    expect(receiver.lastHeaders()['authorization']).toBe('Basic x');
  });

  it('follows no redirect: the event is for the address that was configured', async () => {
    receiver.answer('/moved', redirect(`${receiver.issuer}/elsewhere`));
    expect((await post(`${receiver.issuer}/moved`)).status).toBeGreaterThanOrEqual(300);
    expect(receiver.hitsOf('/elsewhere')).toBe(0);
  });

  it('does not read what is answered', async () => {
    const body = endless();
    receiver.answer('/endless', body.answer);
    expect(await post(`${receiver.issuer}/endless`)).toEqual({ status: 200 });
  });

  it('gives up in time', async () => {
    receiver.answer('/hang', hang);
    await expect(post(`${receiver.issuer}/hang`, 100)).rejects.toThrow();
  });

  it('waits for an answer as long as readTimeout, whatever connectTimeout leaves', async () => {
    receiver.answer('/hang', hang);
    const sent = client.send({
      ...call(`${receiver.issuer}/hang`),
      connectTimeoutMs: NEVER_MS,
      readTimeoutMs: 50,
    });
    await expect(sent).rejects.toThrow('no answer within 50 ms of the request');
  });

  it('waits for a connection, TLS included, as long as connectTimeout, whatever readTimeout leaves', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const own = createWebhookClient();
    const url = `https://127.0.0.1:${port}/`;
    const sent = own.send({ ...call(url), connectTimeoutMs: 50, readTimeoutMs: NEVER_MS });
    await expect(sent).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
    await own.close();
    silent.close();
  });

  it('does not count the wait for an answer against connectTimeout', async () => {
    receiver.answer('/late', delayed(1100, statusOnly(200)));
    const wanted = { ...call(`${receiver.issuer}/late`), connectTimeoutMs: 1000, readTimeoutMs: NEVER_MS };
    expect(await client.send(wanted)).toEqual({ status: 200 });
  });

  it('does not write a call whose time is over before it has a connection', async () => {
    receiver.answer('/hang', hang);
    receiver.answer('/behind', statusOnly(200));
    const own = createWebhookClient();
    const before = Array.from({ length: 8 }, () =>
      own.send({ ...call(`${receiver.issuer}/hang`), connectTimeoutMs: 300, readTimeoutMs: 300 }),
    );
    const behind = own.send({
      ...call(`${receiver.issuer}/behind`),
      connectTimeoutMs: 300,
      readTimeoutMs: 1,
    });
    await expect(behind).rejects.toThrow('no answer within 301 ms');
    await Promise.allSettled(before);
    await own.close();
    expect(receiver.hitsOf('/behind')).toBe(0);
  });

  it('keeps no connections for timeouts that are not used any more, and ends no call for it', async () => {
    receiver.answer('/late', delayed(100, statusOnly(204)));
    const own = createWebhookClient();
    const sent = Array.from({ length: 40 }, (_, index) =>
      own.send({
        ...call(`${receiver.issuer}/late`),
        connectTimeoutMs: 2000 + index,
        readTimeoutMs: NEVER_MS,
      }),
    );
    for (const one of sent) expect(await one).toEqual({ status: 204 });
    await own.close();
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://0xA9FEA9FE/',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://100.100.100.200/',
  ])('does not speak to %s, which hands out credentials of the machine (CWE-918)', async (url) => {
    const error = await post(url).then(
      () => null,
      (thrown: Error) => thrown,
    );
    expect(error?.name).toBe('AddressError');
    expect(error?.message).not.toContain('SECRET');
  });
});
