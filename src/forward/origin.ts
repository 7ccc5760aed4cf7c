/** Where an upstream listens, and how it is to be believed: taken apart once for each target. */
import { isIP } from 'node:net';
import type { UpstreamTls } from '../core/upstream.ts';

/** One place that requests go to, taken apart once. */
export interface Origin {
  readonly protocol: 'http:' | 'https:';
  /** A name, or an address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Null: TCP. */
  readonly socketPath: string | null;
  /** Host header of requests that do not keep the client's. */
  readonly authority: string;
  /** Name for SNI and certificate check; undefined for plain HTTP and for addresses. */
  readonly serverName: string | undefined;
}

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
  const { protocol, hostname: bracketed, port, host } = new URL(url);
  const isTls = protocol === 'https:';
  const hostname = bracketed.replace(/^\[(.*)\]$/, '$1');
  const name = serverName ?? (isIP(hostname) === 0 ? hostname : undefined);
  return {
    protocol: isTls ? 'https:' : 'http:',
    hostname,
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
