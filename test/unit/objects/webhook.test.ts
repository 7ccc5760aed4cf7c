/** Which headers a webhook may add to its calls. */
import { describe, expect, it } from 'vitest';
import { HOP_BY_HOP } from '../../../src/core/headers.ts';
import { webhookSchema } from '../../../src/objects/webhook.ts';

function takesHeader(name: string): boolean {
  return webhookSchema.safeParse({ url: 'https://hooks.test/', headers: { [name]: 'x' } }).success;
}

describe('webhookSchema', () => {
  it.each([...HOP_BY_HOP, 'Content-Length', 'Host', 'X-FusionAuth-Signature-JWT'])(
    'refuses %s, a header of the call itself',
    (name) => expect([takesHeader(name), takesHeader(name.toUpperCase())]).toEqual([false, false]),
  );

  it.each(['Authorization', 'X-Tenant'])('takes %s', (name) => expect(takesHeader(name)).toBe(true));
});
