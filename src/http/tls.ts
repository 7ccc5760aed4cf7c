/** TLS on a listener: the HTTP server above it, and certificates that change while it runs. */
import type { Server as HttpServer, ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { ListenerTls } from '../core/listener-tls.ts';
import type { Logger } from '../core/log.ts';

export type TlsServer = Server & HttpServer;

/** `options`: of the HTTP server. The handshake must be over in the time that a header section may take. */
export function createTlsServer(
  options: ServerOptions,
  tls: ListenerTls,
  log: Logger | undefined,
): TlsServer {
  const server = createServer({
    ...options,
    ...contextOf(tls),
    ...clientCertificates(tls),
    ...(options.headersTimeout === undefined ? {} : { handshakeTimeout: options.headersTimeout }),
  });
  // node:https would hand these to the HTTP side, which would answer in plain text on a connection without keys.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (error, socket) => {
    log?.debug('TLS handshake failed', { peer: socket.remoteAddress ?? '', cause: error.message });
    socket.destroy();
  });
  return server;
}

/** Connections that stand keep what they agreed on. Session tickets of before count no more, unless their keys stay. */
export function setTls(server: TlsServer, tls: ListenerTls): void {
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
