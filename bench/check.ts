/** Proves that a proxy does what it promises before its speed means anything. */
import { jwtVerify } from 'jose';
import { type Keys, withBadSignature } from './fixtures.ts';
import type { RunningPeer } from './peer.ts';

export interface CheckInput {
  readonly running: RunningPeer;
  readonly keys: Keys;
  /** A good token of `user-0`. */
  readonly token: string;
  /** Prefix of a path that is routed, without a slash at its end. */
  readonly prefix: string;
  /** Bytes to send and to get back; 0: bodies are not part of the workload. */
  readonly bodyBytes: number;
}

/** @throws Error that says what the proxy got wrong */
export async function checkPeer(input: CheckInput): Promise<void> {
  const { running, token, keys, prefix } = input;
  const { peer } = running;
  const good = await get(running, `${prefix}/check`, token);
  require(peer.name, 'a good token gets 200', good.status === 200);
  const seen = await good.text();
  if (peer.mints) {
    const { payload } = await jwtVerify(seen, keys.assertionPublic);
    require(peer.name, 'the upstream saw an assertion for the caller', payload.sub === 'user-0');
  }
  if (peer.verifies) {
    for (const bad of [null, withBadSignature(token)]) {
      const { status } = await get(running, `${prefix}/check`, bad);
      require(peer.name, `${bad === null ? 'no token' : 'a bad signature'} gets 401`, status === 401);
    }
  }
  if (input.bodyBytes > 0) await checkBody(input);
}

async function checkBody({ running, token, prefix, bodyBytes }: CheckInput): Promise<void> {
  const body = Buffer.alloc(bodyBytes, 'x');
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${running.origin}${prefix}/body`, { method: 'POST', headers, body });
  const back = Buffer.from(await response.arrayBuffer());
  require(running.peer.name, 'a body comes back whole', response.status === 200 && back.equals(body));
}

function get({ origin }: RunningPeer, path: string, token: string | null): Promise<Response> {
  return fetch(`${origin}${path}`, token === null ? {} : { headers: { Authorization: `Bearer ${token}` } });
}

function require(name: string, rule: string, isMet: boolean): void {
  if (!isMet) throw new Error(`${name}: ${rule}: no`);
}
