/**
 * WebSocket tunnels, carried by http-proxy 1.18.1, which is used nowhere else. It copies the client's headers, joins
 * paths by its own rules, believes every 101 and relays any other answer without its framing; so here it only opens
 * the connection and joins the two sockets. The head, and what an answer means, are ours.
 */
import { createHash } from 'node:crypto';
import { Agent, type ClientRequest, IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { CountersignError } from '../core/errors.ts';
import { type HeaderPolicy, headerValues } from '../core/headers.ts';
import type { UpstreamSettings } from '../core/upstream.ts';
import { upstreamFailure } from './failure.ts';
import { responseHeaders } from './headers.ts';
import { DeadlineError } from './http1/errors.ts';
import { type Origin, tlsOptions } from './origin.ts';
import type { ResponseSink, UpgradeRequest } from './upstream.ts';
import { followTunnel } from './websocket-goodbye.ts';

export interface Upgrader {
  /** Resolves when it is over; failures go to the request's `onFailure`. `onConnected`: a connection stands. */
  upgrade(request: UpgradeRequest, sink: ResponseSink, onConnected: () => void): Promise<void>;
  close(): void;
}

/** A tunnel in which nothing moves is closed after this: longer than any usual ping interval. */
const TUNNEL_IDLE_MS = 10 * 60 * 1000;

const SWITCHING_PROTOCOLS = 101;

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

interface Attempt {
  readonly request: UpgradeRequest;
  readonly sink: ResponseSink;
  readonly settings: UpstreamSettings;
  /** Answers the client, who is still waiting, and ends the attempt. */
  readonly fail: (thrown: unknown) => void;
  /** The client has its 101: what fails from here on ends the tunnel, and an answer would be read as WebSocket. */
  readonly joined: () => void;
  /** It has failed, or the client has its 101. */
  readonly isOver: () => boolean;
  readonly done: () => void;
}

export function createUpgrader(origin: Origin, settings: UpstreamSettings): Upgrader {
  const proxy = httpProxy.createProxyServer({ secure: true });
  const agent = createAgent(origin, settings);
  return {
    upgrade: (request, sink, onConnected) =>
      new Promise((done) => {
        let isOver = false;
        const joined = () => {
          isOver = true;
        };
        const fail = (thrown: unknown) => {
          if (isOver) return;
          isOver = true;
          request.onFailure(upstreamFailure(thrown, settings.name));
          done();
        };
        // Nobody would notice its leaving any more, and the tunnel would stand.
        if (request.socket.destroyed) {
          fail(new CountersignError('upstream_unreachable', 'the client went away'));
          return;
        }
        const outgoing = open(proxy, { target: targetOf(origin), agent }, request, fail);
        if (outgoing === null) {
          fail(new CountersignError('internal_error', 'http-proxy opened no request'));
          return;
        }
        awaitConnection(outgoing, origin, settings.timeouts.connectMs, onConnected);
        takeOver(outgoing, { request, sink, settings, fail, joined, isOver: () => isOver, done });
      }),
    close: () => agent.destroy(),
  };
}

/** A handshake of TLS that never ends would else wait for the time of an answer, and hold up the breaker as its one trial. */
function awaitConnection(
  outgoing: ClientRequest,
  { protocol }: Origin,
  connectMs: number,
  onConnected: () => void,
): void {
  const timer = setTimeout(
    () => outgoing.destroy(new DeadlineError(`no connection within ${connectMs} ms`)),
    connectMs,
  );
  outgoing.once('close', () => clearTimeout(timer));
  outgoing.once('socket', (socket) =>
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      onConnected();
    }),
  );
}

/** The agent fixes the name to verify: http-proxy would take it from the Host header, which a client chooses. */
function createAgent(origin: Origin, settings: UpstreamSettings): Agent {
  if (origin.protocol === 'http:') return new Agent({ keepAlive: false });
  return new TlsAgent({
    keepAlive: false,
    ...(origin.serverName === undefined ? {} : { servername: origin.serverName }),
    ...tlsOptions(settings.tls),
  });
}

function targetOf(origin: Origin): httpProxy.ProxyTarget {
  const { protocol, hostname, port, socketPath } = origin;
  return { protocol, host: hostname, hostname, port, ...(socketPath === null ? {} : { socketPath }) };
}

/** The upstream request that http-proxy makes. It hands it out in an event, before `ws` returns. */
function open(
  proxy: httpProxy,
  options: httpProxy.ServerOptions,
  request: UpgradeRequest,
  fail: (thrown: unknown) => void,
): ClientRequest | null {
  let opened: ClientRequest | null = null;
  const keep: httpProxy.ProxyReqWsCallback = (outgoing) => {
    opened = outgoing;
    writeHead(outgoing, request);
  };
  proxy.on('proxyReqWs', keep);
  // No early bytes: a client speaks WebSocket only after the 101.
  proxy.ws(handshake(request.socket), request.socket, Buffer.alloc(0), options, fail);
  proxy.removeAllListeners('proxyReqWs');
  return opened;
}

/** What http-proxy looks at before it opens a connection. Its head is replaced by ours. */
function handshake(socket: Socket): IncomingMessage {
  const message = new IncomingMessage(socket);
  message.method = 'GET';
  message.headers = { upgrade: 'websocket' };
  return message;
}

/** Puts our reading of the answer in the place of http-proxy's. */
function takeOver(outgoing: ClientRequest, attempt: Attempt): void {
  const { request, settings, fail, joined, done } = attempt;
  const join = outgoing.listeners('upgrade');
  outgoing.removeAllListeners('upgrade').removeAllListeners('response');
  outgoing.setTimeout(settings.timeouts.responseMs, () => {
    outgoing.destroy(new CountersignError('upstream_timeout', 'no answer to the upgrade'));
  });
  leaveWithClient(attempt, outgoing);
  const refuse = (why: string) => {
    outgoing.destroy();
    fail(new CountersignError('upstream_protocol_error', why));
  };
  outgoing.on('response', (response) => {
    if (response.statusCode === SWITCHING_PROTOCOLS) refuse('a 101 without Upgrade');
    else relay(response, attempt).then(done, fail);
  });
  outgoing.on('upgrade', (response, tunnel: Socket, head) => {
    if (!isWebSocketAccepted(response, request)) {
      refuse('the 101 does not accept this WebSocket');
      return;
    }
    hideOwnedHeaders(response, request.headerPolicy);
    joined();
    for (const listener of join) listener.call(outgoing, response, tunnel, head);
    superviseTunnel(request.socket, tunnel, done);
    request.onShutdown(followTunnel(request.socket, tunnel));
  });
}

/** The client is read, so that its leaving is noticed; what it says before the 101 is dropped (CVE-2025-64763). */
function leaveWithClient({ request, sink, isOver }: Attempt, outgoing: ClientRequest): void {
  const leave = () => outgoing.destroy();
  const onEnd = () => {
    // What fails by its leaving is not the upstream's failure, and there is nobody to tell.
    if (!isOver()) sink.abort();
    leave();
  };
  request.socket.once('close', leave).once('end', onEnd).resume();
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

/** Any answer but 101 goes to the client as a plain response, as fast as it reads: no tunnel, no byte of it passed on. */
async function relay(response: IncomingMessage, { request, sink, settings }: Attempt): Promise<void> {
  const status = response.statusCode ?? 0;
  sink.start(status, responseHeaders(response.rawHeaders, request.headerPolicy, status));
  for await (const chunk of response) {
    if (sink.write(chunk)) continue;
    // The upstream is not late while it is the client that is waited for.
    response.setTimeout(0);
    await drained(sink);
    response.setTimeout(settings.timeouts.responseMs);
  }
  sink.end();
}

/** Also where the client goes: its leaving ends the answer of the upstream, and that is what the reader sees next. */
function drained(sink: ResponseSink): Promise<void> {
  return new Promise((resolve) => {
    sink.onDrain(resolve);
    sink.onClose(resolve);
  });
}

/** RFC 6455 §4.1: the upstream must prove that it read this very handshake. */
function isWebSocketAccepted(response: IncomingMessage, request: UpgradeRequest): boolean {
  const key = headerValues(request.headers, 'sec-websocket-key').join(', ');
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
function superviseTunnel(client: Duplex, tunnel: Socket, onClosed: () => void): void {
  client.once('close', () => tunnel.destroy());
  tunnel.once('close', () => {
    endSoon(client);
    onClosed();
  });
  tunnel.setTimeout(TUNNEL_IDLE_MS, () => tunnel.destroy());
}

function endSoon(client: Duplex): void {
  if (client instanceof Socket) client.destroySoon();
  else client.end();
}
