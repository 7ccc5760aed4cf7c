/** Opens connections to one origin: TCP, TLS or a unix socket, for HTTP/1.1 and nothing else. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { UpstreamSettings } from '../../core/upstream.ts';
import { type Origin, tlsOptions } from '../origin.ts';
import { DeadlineError } from './errors.ts';
import { IncomingBytes } from './incoming-bytes.ts';

/** A connection that stands, over TLS with a verified peer. */
export interface Link {
  readonly socket: Socket;
  /** What it receives; the socket emits no 'data'. */
  readonly incoming: IncomingBytes;
}

/** Calls back once: with a connection, or with what went wrong. */
export type Connect = (done: (outcome: Link | Error) => void) => void;

/** A peer that vanished without a word is noticed after this and the probes of the system. */
const TCP_KEEP_ALIVE_MS = 60_000;

/** Names are resolved for each connection. TLS sessions are not resumed: each connection is verified by itself. */
export function createConnect(
  origin: Origin,
  { timeouts, tls }: Pick<UpstreamSettings, 'timeouts' | 'tls'>,
): Connect {
  const isTls = origin.protocol === 'https:';
  const secureContext = isTls ? createSecureContext(tlsOptions(tls)) : null;
  return (done) => {
    const incoming = new IncomingBytes();
    const socket =
      secureContext === null ? openPlain(origin, incoming) : openTls(origin, incoming, secureContext);
    socket.setNoDelay(true).setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    const timer = setTimeout(
      () => socket.destroy(new DeadlineError(`no connection within ${timeouts.connectMs} ms`)),
      timeouts.connectMs,
    );
    const finish = (outcome: Link | Error) => {
      clearTimeout(timer);
      socket.removeAllListeners(isTls ? 'secureConnect' : 'connect');
      socket.off('error', finish).off('close', onClose);
      // Errors may follow the first one, and an error without a listener ends the process.
      if (outcome instanceof Error) socket.on('error', () => {}).destroy();
      done(outcome);
    };
    const onClose = () => finish(new Error('the connection was closed before it stood'));
    socket.once(isTls ? 'secureConnect' : 'connect', () => finish({ socket, incoming }));
    socket.once('error', finish).once('close', onClose);
  };
}

function openPlain({ hostname, port, socketPath }: Origin, { options: onread }: IncomingBytes): Socket {
  if (socketPath !== null) return connectPlain({ path: socketPath, onread });
  return connectPlain({ host: hostname, port, onread });
}

function openTls(
  { hostname, port, serverName }: Origin,
  { options: onread }: IncomingBytes,
  secureContext: SecureContext,
): Socket {
  // Named, because the types of tls.connect() leave `onread` out.
  const options = {
    host: hostname,
    port,
    onread,
    secureContext,
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  return connectTls(options);
}
