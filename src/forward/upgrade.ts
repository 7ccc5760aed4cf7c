/**
 * WebSocket tunnels, carried by http-proxy 1.18.1, which is used nowhere else. It copies the client's headers, joins
 * paths by its own rules and relays what an upstream answers instead of 101 without its framing; so here it only
 * opens the connection and joins the two sockets. Head and answers are written by us, in its `proxyReqWs` event.
 */
import { createHash } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { Socket } from 'node:net';
import httpProxy from 'http-proxy';
import { CountersignError } from '../core/errors.ts';
import type { HeaderPolicy } from '../core/headers.ts';
import type { UpstreamSettings } from '../core/upstream.ts';
import { upstreamFailure } from './failure.ts';
import { responseHeaders } from './headers.ts';
import type { Origin } from './pool.ts';
import type { ResponseSink, UpgradeRequest } from './upstream.ts';

export interface Upgrader {
  /** @throws CountersignError upstream_unreachable, upstream_timeout, upstream_protocol_error */
  upgrade(request: UpgradeRequest, sink: ResponseSink): Promise<void>;
  close(): void;
}

/** A tunnel in which nothing moves is closed after this: longer than any usual ping interval. */
const TUNNEL_IDLE_MS = 10 * 60 * 1000;

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

interface Attempt {
  readonly request: UpgradeRequest;
  readonly sink: ResponseSink;
  readonly settle: (thrown: unknown) => void;
}

export function createUpgrader(origin: Origin, settings: UpstreamSettings): Upgrader {
  const proxy = httpProxy.createProxyServer({ secure: true });
  const attempts = new WeakMap<IncomingMessage, Attempt>();
  const agent = createAgent(origin, settings);
  proxy.on('proxyReqWs', (outgoing, message) => {
    const attempt = attempts.get(message);
    if (attempt === undefined) outgoing.destroy();
    else guard(outgoing, attempt, settings);
  });
  return {
    upgrade: (request, sink) =>
      new Promise((resolve, reject) => {
        const settle = (thrown: unknown) => {
          if (thrown === null) resolve();
          else reject(upstreamFailure(thrown, settings.name));
        };
        attempts.set(request.message, { request, sink, settle });
        // No early bytes: a client speaks WebSocket only after the 101.
        proxy.ws(
          request.message,
          request.socket,
          Buffer.alloc(0),
          { target: targetOf(origin), agent },
          settle,
        );
      }),
    close: () => agent.destroy(),
  };
}

/** The agent fixes the name to verify: http-proxy would take it from the Host header, which a client chooses. */
function createAgent(origin: Origin, settings: UpstreamSettings): Agent {
  if (origin.protocol === 'http:') return new Agent({ keepAlive: false });
  const { ca } = settings.tls;
  return new TlsAgent({
    keepAlive: false,
    ...(origin.serverName === undefined ? {} : { servername: origin.serverName }),
    ...(ca === null ? {} : { ca }),
  });
}

function targetOf(origin: Origin): httpProxy.ProxyTarget {
  const { protocol, hostname, port, socketPath } = origin;
  return { protocol, host: hostname, hostname, port, ...(socketPath === null ? {} : { socketPath }) };
}

/** Runs before http-proxy adds its own listeners, so that ours see every answer first. */
function guard(outgoing: ClientRequest, attempt: Attempt, settings: UpstreamSettings): void {
  const { request, sink, settle } = attempt;
  writeHead(outgoing, request);
  outgoing.setTimeout(settings.timeouts.responseMs, () => {
    outgoing.destroy(
      new CountersignError('upstream_timeout', `upstream ${settings.name} did not answer the upgrade`),
    );
  });
  request.socket.once('close', () => outgoing.destroy());
  outgoing.on('response', (response) => {
    relay(response, request.headerPolicy, sink).then(() => settle(null), settle);
  });
  outgoing.on('upgrade', (response, tunnel: Socket) => {
    if (!isWebSocketAccepted(response, request)) {
      tunnel.destroy();
      settle(
        new CountersignError(
          'upstream_protocol_error',
          'the 101 of the upstream does not accept this WebSocket',
        ),
      );
      return;
    }
    hideOwnedHeaders(response, request.headerPolicy);
    superviseTunnel(request.socket, tunnel, () => settle(null));
  });
}

/** Replaces the head that http-proxy made of the client's: the path as decided, the headers as decided. */
function writeHead(outgoing: ClientRequest, request: UpgradeRequest): void {
  outgoing.path = request.target;
  for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
  const { headers } = request;
  for (let index = 0; index < headers.length; index += 2)
    outgoing.appendHeader(headers[index] ?? '', headers[index + 1] ?? '');
  outgoing.setHeader('Connection', 'Upgrade');
  outgoing.setHeader('Upgrade', 'websocket');
}

/** Any answer but 101 goes to the client as a plain response: no tunnel, no byte of the client passed on. */
async function relay(response: IncomingMessage, policy: HeaderPolicy, sink: ResponseSink): Promise<void> {
  // http-proxy would write the answer again, without its framing, to anything that is no upgrade.
  Object.assign(response, { upgrade: true });
  sink.start(
    response.statusCode ?? 0,
    responseHeaders(response.rawHeaders, policy, response.statusCode ?? 0),
  );
  for await (const chunk of response) sink.write(chunk);
  sink.end();
}

/** RFC 6455 §4.1: the upstream must prove that it read this very handshake. */
function isWebSocketAccepted(response: IncomingMessage, request: UpgradeRequest): boolean {
  const key = request.message.headers['sec-websocket-key'] ?? '';
  const expected = createHash('sha1')
    .update(key + ACCEPT_GUID)
    .digest('base64');
  return (
    response.headers.upgrade?.toLowerCase() === 'websocket' &&
    response.headers['sec-websocket-accept'] === expected
  );
}

/** http-proxy writes the 101 from `response.headers`. */
function hideOwnedHeaders(response: IncomingMessage, policy: HeaderPolicy): void {
  for (const name of Object.keys(response.headers)) {
    if (name !== 'upgrade' && name !== 'connection' && policy.dropsFromResponse(name))
      delete response.headers[name];
  }
}

/** Either end closes the other: a half-open tunnel would live for ever. */
function superviseTunnel(
  client: Socket | UpgradeRequest['socket'],
  tunnel: Socket,
  onClosed: () => void,
): void {
  client.once('close', () => tunnel.destroy());
  tunnel.once('close', () => {
    endSoon(client);
    onClosed();
  });
  // http-proxy switches time limits off when it joins the sockets, right after this.
  setImmediate(() => tunnel.setTimeout(TUNNEL_IDLE_MS, () => tunnel.destroy()));
}

function endSoon(client: UpgradeRequest['socket']): void {
  if (client instanceof Socket) client.destroySoon();
  else client.end();
}
