import { describe, expect, it } from 'vitest';
import { sharedBind, sharedLimits, sharedTls, type WorkerShare } from '../../../src/app/gateway.ts';
import type { ListenerTls } from '../../../src/core/listener-tls.ts';

const SHARE: WorkerShare = {
  workers: 3,
  ports: { proxy: 8080, api: null },
  ticketSecret: new Uint8Array(32),
};
const TLS: ListenerTls = {
  certificate: 'CERT',
  privateKey: 'KEY',
  minVersion: 'TLSv1.2',
  clientAuthorities: null,
};
const LIMITS = {
  headerBytes: 1,
  headerCount: 2,
  headersTimeoutMs: 3,
  requestTimeoutMs: 4,
  idleTimeoutMs: 5,
  connections: 100,
};
const ticketKeysOf = (tls: ListenerTls, share = SHARE) =>
  Buffer.from(sharedTls(tls, share)?.ticketKeys ?? []).toString('hex');

describe('a process that is alone', () => {
  it('listens, bounds and speaks TLS as the configuration says', () => {
    const bind = { host: '127.0.0.1', port: 0 };
    expect(sharedBind(bind, null)).toBe(bind);
    expect(sharedLimits(LIMITS, null)).toBe(LIMITS);
    expect(sharedTls(TLS, null)).toBe(TLS);
  });
});

describe('one of several workers', () => {
  it('listens on the port of all', () => {
    expect(sharedBind({ host: '127.0.0.1', port: 0 }, 8080)).toEqual({
      host: '127.0.0.1',
      port: 8080,
      isShared: true,
    });
  });

  it('takes its part of the connections, and every other limit whole', () => {
    expect(sharedLimits(LIMITS, SHARE)).toEqual({ ...LIMITS, connections: 34 });
  });

  it('speaks plain HTTP where the listener does', () => {
    expect(sharedTls(null, SHARE)).toBeNull();
  });

  it('has the ticket keys of the others, 48 bytes', () => {
    expect(ticketKeysOf(TLS)).toMatch(/^[0-9a-f]{96}$/);
    expect(ticketKeysOf({ ...TLS })).toBe(ticketKeysOf(TLS));
  });

  it.each([
    ['certificate', ticketKeysOf({ ...TLS, certificate: 'OTHER' })],
    ['private key', ticketKeysOf({ ...TLS, privateKey: 'OTHER' })],
    ['authorities of clients', ticketKeysOf({ ...TLS, clientAuthorities: 'OTHER' })],
    ['secret', ticketKeysOf(TLS, { ...SHARE, ticketSecret: new Uint8Array(32).fill(1) })],
  ])('has other ticket keys with another %s', (_what, keys) => {
    expect(keys).not.toBe(ticketKeysOf(TLS));
  });
});
