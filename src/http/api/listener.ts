/** The listener of the token service's API: from a request to an operation, and from what it says to an answer. */
import { CountersignError } from '../../core/errors.ts';
import { headerValues } from '../../core/headers.ts';
import type { ListenerLimits } from '../../core/limits.ts';
import type { ListenerTls } from '../../core/listener-tls.ts';
import type { Logger } from '../../core/log.ts';
import type { Clock } from '../../core/time.ts';
import type { ReconcileParts } from '../../identity-providers/reconcile.ts';
import type { TokenService } from '../../tokens/service.ts';
import { type ClientOrigin, clientOrigin, plainAddress, type TrustedProxies } from '../client-address.ts';
import type { AnswerWriter } from '../http1/answer-writer.ts';
import { type IncomingRequest, requireServable, type UnservedRequest } from '../http1/incoming-request.ts';
import { type Bind, createListener, type Listener } from '../server.ts';
import { type Answer, sendAnswer } from './answer.ts';
import { contentTypeOf, readBody, requireBounded } from './body.ts';
import type { ApiSettings, Call } from './call.ts';
import { identify } from './caller.ts';
import { readCookies, type TokenCookies } from './cookies.ts';
import { requireSameSite } from './cross-site.ts';
import { failureAnswer } from './failure.ts';
import { type CallLimiter, countedAs, createCallLimiter } from './limits.ts';
import type { Operation } from './operation.ts';
import { parseParameters } from './parameters.ts';
import type { ApiRecord } from './record.ts';
import { createRouter, type Matched, type Router } from './router.ts';

export interface ApiListenerOptions {
  readonly bind: Bind;
  readonly limits: ListenerLimits;
  /** Absent or null: plain HTTP. */
  readonly tls?: ListenerTls | null;
  /** True: connections come from trusted proxies, and begin with a PROXY protocol header. */
  readonly proxyProtocol?: boolean;
  /** Asked once a request. */
  readonly trustedProxies: () => TrustedProxies;
  readonly operations: readonly Operation[];
  readonly service: TokenService;
  readonly foreign: ReconcileParts;
  readonly settings: ApiSettings;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly onRequestDone: (record: ApiRecord) => void;
  readonly log: Logger;
}

/** What all requests of one listener share. */
interface Api extends ApiListenerOptions {
  readonly router: Router;
  readonly limiter: CallLimiter;
}

export function createApiListener(options: ApiListenerOptions): Listener {
  const { bind, limits, tls, randomId, log } = options;
  const router = createRouter(options.operations);
  const api = { ...options, router, limiter: createCallLimiter(options.settings.limits, options.clock) };
  const isTrusted = (address: string) => options.trustedProxies().includes(address);
  return createListener({
    bind,
    limits,
    tls,
    proxyProtocol: options.proxyProtocol === true ? { isTrusted } : null,
    randomId,
    log,
    clock: options.clock,
    handlers: {
      request: (request, writer) => serve(api, request, writer),
      onUnreadable: (error, request) => api.onRequestDone(unreadable(api, error, request)),
    },
  });
}

/** Bytes that are no request are answered by the connection itself. */
function unreadable(
  api: Api,
  error: CountersignError,
  { id, method, target, peer }: UnservedRequest,
): ApiRecord {
  return {
    timeMs: api.clock(),
    requestId: id,
    operationId: null,
    method,
    path: target === '' ? '' : api.router.knownPart(pathOf(target)),
    status: error.status,
    isClientGone: false,
    durationMs: 0,
    reason: error.message,
    clientAddress: plainAddress(peer.address),
    responseBytes: 0,
  };
}

/** What is known of a request before anything was looked at but its head. */
interface Arrived {
  readonly request: IncomingRequest;
  readonly writer: AnswerWriter;
  readonly origin: ClientOrigin;
  readonly isSecure: boolean;
}

async function serve(api: Api, request: IncomingRequest, writer: AnswerWriter): Promise<void> {
  const startedAtMs = api.clock();
  const origin = clientOrigin(request.peer.address, request.headers, api.trustedProxies());
  const arrived = { request, writer, origin, isSecure: request.peer.isTls || origin.proto === 'https' };
  const { answer, operation } = await answerTo(api, arrived);
  const { refusal, isClosed } = writer;
  const responseBytes = isClosed ? 0 : sendAnswer(request, writer, answer);
  api.onRequestDone({
    timeMs: startedAtMs,
    requestId: request.id,
    operationId: operation?.operationId ?? null,
    method: request.method,
    path: operation?.path ?? api.router.knownPart(pathOf(request.target)),
    status: refusal?.status ?? answer.status,
    isClientGone: isClosed && refusal === null,
    durationMs: api.clock() - startedAtMs,
    reason: refusal?.message ?? answer.reason ?? null,
    clientAddress: origin.address,
    responseBytes,
  });
}

interface Outcome {
  readonly answer: Answer;
  /** Null: the request asks for none. */
  readonly operation: Operation | null;
}

async function answerTo(api: Api, arrived: Arrived): Promise<Outcome> {
  let operation: Operation | null = null;
  try {
    const matched = match(api, arrived.request);
    operation = matched.operation;
    return { answer: await runOperation(api, arrived, matched), operation };
  } catch (thrown) {
    const answer = (operation?.refuse ?? failureAnswer)(thrown);
    if (answer.status >= 500) logFailure(api.log, arrived.request.id, thrown);
    return { answer: operation === null ? { ...answer, isLast: true } : answer, operation };
  }
}

function match({ router }: Api, request: IncomingRequest): Matched {
  requireServable(request);
  return router.find(request.method, pathOf(request.target));
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** Without its question mark; empty where there is none. */
function queryOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? '' : target.slice(query + 1);
}

async function runOperation(api: Api, arrived: Arrived, { operation, params }: Matched): Promise<Answer> {
  const { request } = arrived;
  const counted = countedAs(arrived.origin.address, request.headers);
  if (operation.auth === 'none') api.limiter.anonymous(counted);
  const cookies = readCookies(request.headers);
  guardCookies(operation, arrived, cookies);
  const identified = await identify(api.service, {
    operation,
    headers: request.headers,
    cookies,
    address: arrived.origin.address,
  });
  const call: Call = {
    service: api.service,
    settings: api.settings,
    limiter: api.limiter,
    foreign: api.foreign,
    ...identified,
    countedAs: counted,
    cookies,
    jar: { settings: api.settings.cookies, isSecure: arrived.isSecure, nowMs: api.clock() },
  };
  return await operation.run(call, { params, ...(await readParts(api, arrived, operation)) });
}

function guardCookies(
  operation: Operation,
  { request, origin, isSecure }: Arrived,
  cookies: TokenCookies,
): void {
  const hasCookie = cookies.accessToken !== null || cookies.refreshToken !== null;
  if (operation.isGuarded !== true || !hasCookie) return;
  const [host = '', ...otherHosts] = headerValues(request.headers, 'host');
  requireSameSite({
    headers: request.headers,
    method: operation.method,
    host: origin.host ?? (otherHosts.length === 0 ? host : ''),
    isSecure,
    contentType: contentTypeOf(request.headers),
    allowsPlainText: operation.allowsPlainText === true,
  });
}

async function readParts(api: Api, { request, writer }: Arrived, operation: Operation) {
  const options = { toleratesUndefined: api.settings.compat.tolerateUndefinedParams };
  const parameters = Object.fromEntries(parseParameters(queryOf(request.target), options));
  if (operation.request.body === undefined) return { query: parameters, body: {} };
  requireBounded(request.headers);
  if (request.expectsContinue) writer.writeContinue();
  const acceptsForm = operation.acceptsForm === true;
  return { query: parameters, body: await readBody(request, { ...options, acceptsForm }) };
}

/** Rows JWT-S90, JWT-S91: the operator gets the stack, the caller nothing. */
function logFailure(log: Logger, requestId: string, thrown: unknown): void {
  const isDefect = thrown instanceof Error && !(thrown instanceof CountersignError);
  log.error('an operation of the token service failed', {
    request_id: requestId,
    cause: thrown instanceof Error ? thrown.message : 'something was thrown that is no Error',
    stack: isDefect ? (thrown.stack ?? null) : null,
  });
}
