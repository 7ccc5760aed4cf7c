/** TLS on a listener: the server below HTTP, and certificates that change while it runs. */
import type { Server as NetServer, ServerOpts } from 'node:net';
import { createServer, type SecureContextOptions, Server, type TlsOptions } from 'node:tls';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Logger } from '../core/log.ts';

/** What a client may choose by ALPN (RFC 7301): nothing else is spoken here. */
const PROTOCOLS = ['http/1.1'];

/** Its connections are ready at `secureConnection`. */
export function createTlsServer(
  sockets: ServerOpts,
  tls: ListenerTls,
  handshakeTimeoutMs: number,
  log: Logger | undefined,
): Server {
  const server = createServer({
    ...sockets,
    ...contextOf(tls),
    ...clientCertificates(tls),
    ALPNProtocols: PROTOCOLS,
    handshakeTimeout: handshakeTimeoutMs,
  });
  // A handshake costs the server far more than the client, who has no reason for a second one (CVE-2011-1473).
  server.on('secureConnection', (socket) => socket.disableRenegotiation());
  server.on('tlsClientError', (error, socket) => {
    log?.debug('TLS handshake failed', { peer: socket.remoteAddress ?? '', cause: error.message });
    socket.destroy();
  });
  return server;
}

export function isTlsServer(server: NetServer): server is Server {
  return server instanceof Server;
}

/** Connections that stand keep what they agreed on. Session tickets of before count no more, unless their keys stay. */
export function setTls(server: Server, tls: ListenerTls): void {
  server.setSecureContext(contextOf(tls));
}

function contextOf({
  certificate,
  privateKey,
  minVersion,
  clientAuthorities,
  ticketKeys,
}: ListenerTls): SecureContextOptions {
  return {
    cert: certificate,
    key: privateKey,
    minVersion,
    ...(clientAuthorities === null ? {} : { ca: clientAuthorities }),
    ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
  };
}

function clientCertificates({ clientAuthorities }: ListenerTls): TlsOptions {
  return clientAuthorities === null ? {} : { requestCert: true, rejectUnauthorized: true };
}
