/** Access tokens of a running service: one of its own making, and as many more as a run needs, signed past its API. */
import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const signOnPool = promisify<string, Uint8Array, KeyObject, Buffer>(sign);

const BATCH = 200; // tokens signed at a time on the thread pool

/** Differ in their `jti` alone. `keyFile`: the service's private key, RS256. */
export async function accessTokensLike(
  genuine: string,
  keyFile: string,
  count: number,
): Promise<readonly string[]> {
  const key = createPrivateKey(readFileSync(keyFile));
  const [header = '', payload = ''] = genuine.split('.');
  const claims: object = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const tokens: string[] = [];
  while (tokens.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - tokens.length) }, async () => {
      const own = Buffer.from(JSON.stringify({ ...claims, jti: randomUUID() })).toString('base64url');
      const input = `${header}.${own}`;
      const signature = await signOnPool('sha256', Buffer.from(input), key);
      return `${input}.${signature.toString('base64url')}`;
    });
    tokens.push(...(await Promise.all(batch)));
  }
  return tokens;
}
