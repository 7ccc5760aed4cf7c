import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookClient } from '../../../src/forward/send-webhook.ts';
import { endless, hang, type Idp, redirect, startIdp, statusOnly } from '../../support/idp.ts';

const client = createWebhookClient();
let receiver: Idp;
beforeAll(async () => {
  receiver = await startIdp();
});
afterAll(async () => {
  await receiver.close();
  await client.close();
});

const post = (url: string, timeoutMs = 5000) =>
  client.send({
    url,
    headers: { 'content-type': 'application/json', authorization: 'Basic x' },
    body: '{"event":{"token":"SECRET"}}',
    connectTimeoutMs: timeoutMs / 2,
    readTimeoutMs: timeoutMs / 2,
  });

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
