/** Kept connections to one upstream origin: TCP, TLS or a unix socket, HTTP/1.1 only. */
import { isIP } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { UpstreamSettings, UpstreamTls } from '../core/upstream.ts';

/** One place that requests go to, taken apart once. */
export interface Origin {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  readonly port: number;
  /** Null: TCP. */
  readonly socketPath: string | null;
  /** Host header of requests that do not keep the client's. */
  readonly authority: string;
  /** Name for SNI and certificate check; undefined for plain HTTP and for addresses. */
  readonly serverName: string | undefined;
}

/** Idle upstream connections are closed after this: below the 5 s of Node, uvicorn and gunicorn upstreams. */
const KEEP_ALIVE_MS = 4000;
/** An upstream's own Keep-Alive hint is followed up to this. */
const KEEP_ALIVE_MAX_MS = 600_000;
/** A name that resolves to another address is followed within this time, also where connections are never idle. */
const CONNECTION_AGE_MS = 60_000;
/** Header section of a response: twice what a client may send, since upstreams set long cookies. */
const RESPONSE_HEADER_BYTES_MAX = 32 * 1024;

/** @throws TypeError where the URL is none. Configuration refuses those earlier. */
export function originOf(url: string, serverName: string | null): Origin {
  if (url.startsWith('unix:')) {
    const socketPath = url.slice('unix:'.length);
    return {
      protocol: 'http:',
      hostname: 'localhost',
      port: 80,
      socketPath,
      authority: 'localhost',
      serverName: undefined,
    };
  }
  const { protocol, hostname, port, host } = new URL(url);
  const isTls = protocol === 'https:';
  const name = serverName ?? (isIP(hostname) === 0 ? hostname : undefined);
  return {
    protocol: isTls ? 'https:' : 'http:',
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    socketPath: null,
    authority: host,
    serverName: isTls ? name : undefined,
  };
}

/** Whom to trust and what to show, as node:tls takes it. Names are always verified. */
export function tlsOptions({ ca, client }: UpstreamTls): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca === null ? {} : { ca }),
    ...(client === null ? {} : { cert: client.certificate, key: client.privateKey }),
  };
}

/**
 * The number of connections has no bound of its own: each carries one request of one client connection, and those
 * are counted by the listener.
 */
export function createPool(origin: Origin, settings: UpstreamSettings): Pool {
  const { timeouts, tls } = settings;
  const connect = buildConnector({
    allowH2: false,
    timeout: timeouts.connectMs,
    ...(origin.socketPath === null ? {} : { socketPath: origin.socketPath }),
    ...tlsOptions(tls),
  });
  const host = origin.hostname.includes(':') ? `[${origin.hostname}]` : origin.hostname;
  return new Pool(`${origin.protocol}//${host}:${origin.port}`, {
    // undici would take the name to verify from the Host header, which a client chooses where it is preserved.
    connect: ({ servername: _, ...options }, callback) =>
      connect(
        origin.serverName === undefined ? options : { ...options, servername: origin.serverName },
        callback,
      ),
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    clientTtl: CONNECTION_AGE_MS,
    maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
    headersTimeout: timeouts.responseMs,
    bodyTimeout: timeouts.idleMs,
  });
}
