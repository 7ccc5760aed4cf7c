/** The ops listener: health, readiness, metrics and published keys, for the machine it runs on and nobody else. */
import { CountersignError, toCountersignError } from '../core/errors.ts';
import { headerValues } from '../core/headers.ts';
import { parseHost } from '../core/host.ts';
import type { Json } from '../core/json.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { PublishedKeys } from '../core/published-keys.ts';
import type { Clock } from '../core/time.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import { type IncomingRequest, requireServable } from './http1/incoming-request.ts';
import { problemOf } from './problem.ts';
import { servePublishedKeys } from './published-keys.ts';
import { type Bind, createListener, type Listener } from './server.ts';

/** Whether requests can be served, and if not, why. Names from the configuration only. */
export interface Readiness {
  readonly isReady: boolean;
  /** Empty when ready. */
  readonly causes: readonly string[];
  /** Realms that accept unsigned tokens. */
  readonly unsignedRealms: readonly string[];
  readonly keySets: readonly Json[];
}

export interface OpsListenerOptions {
  readonly bind: Bind;
  readonly limits: ListenerLimits;
  readonly randomId: () => string;
  readonly clock: Clock;
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Null: nothing is published. */
  readonly keys: () => PublishedKeys | null;
  readonly log?: Logger;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const METHODS = 'GET, HEAD';

export function createOpsListener(options: OpsListenerOptions): Listener {
  const { bind, limits, randomId, clock } = options;
  return createListener({
    bind,
    limits,
    randomId,
    clock,
    log: options.log,
    handlers: { request: (request, response) => serve(options, request, response) },
  });
}

async function serve(
  options: OpsListenerOptions,
  request: IncomingRequest,
  response: AnswerWriter,
): Promise<void> {
  try {
    requireServable(request);
    const { headers, method, target } = request;
    requireLocalHost(headerValues(headers, 'host'), options.bind.host);
    if (method !== 'GET' && method !== 'HEAD')
      throw new CountersignError('method_not_allowed', 'ops listener', { parameter: METHODS });
    if (servePublishedKeys(options.keys(), request, response)) return;
    send(response, await answer(options, target.split('?', 1)[0] ?? ''));
  } catch (thrown) {
    const { status, headers, body } = problemOf(toCountersignError(thrown), request.id);
    response.closeAfter();
    response.send(status, headers, body);
  }
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A web page that made its name resolve to 127.0.0.1 still sends that name as Host (DNS rebinding, row A03). */
function requireLocalHost(hosts: readonly string[], bound: string): void {
  const [host] = hosts;
  if (hosts.length !== 1 || host === undefined) throw new CountersignError('bad_host', 'no Host, or several');
  const { name } = parseHost(host);
  if (!LOOPBACK.has(name) && name !== bound)
    throw new CountersignError('bad_host', 'Host is not a local name');
}

async function answer(options: OpsListenerOptions, path: string): Promise<Answer> {
  switch (path) {
    case '/healthz':
      return { status: 200, contentType: 'text/plain; charset=utf-8', body: 'ok\n' };
    case '/readyz':
      return readyz(await options.readiness());
    case '/metrics':
      return { status: 200, ...(await options.metrics()) };
    default:
      throw new CountersignError('route_not_found', 'no such ops path');
  }
}

function readyz(readiness: Readiness): Answer {
  const { isReady, causes, unsignedRealms, keySets } = readiness;
  const body = {
    status: isReady ? 'ready' : 'not_ready',
    causes,
    unsigned_realms: unsignedRealms,
    key_sets: keySets,
  };
  return { status: isReady ? 200 : 503, contentType: 'application/json', body: `${JSON.stringify(body)}\n` };
}

function send(response: AnswerWriter, { status, contentType, body }: Answer): void {
  const headers = ['Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(body))];
  response.send(status, [...headers, 'Cache-Control', 'no-store'], body);
}
