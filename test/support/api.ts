/** The token service's API on a free port, over a service with fixtures; and a caller that holds each answer to what is declared. */
import { request } from 'node:http';
import { request as requestOverTls } from 'node:https';
import { tokenServiceSchema } from '../../src/config/schema/token-service.ts';
import type { ListenerLimits } from '../../src/core/limits.ts';
import type { ListenerTls } from '../../src/core/listener-tls.ts';
import type { Logger } from '../../src/core/log.ts';
import type { ApiSettings } from '../../src/http/api/call.ts';
import type { ApiLimits } from '../../src/http/api/limits.ts';
import { createApiListener } from '../../src/http/api/listener.ts';
import type { AnswerDeclaration } from '../../src/http/api/operation.ts';
import { OPERATIONS } from '../../src/http/api/operations.ts';
import type { ApiRecord } from '../../src/http/api/record.ts';
import { createRouter } from '../../src/http/api/router.ts';
import { errorsAnswer } from '../../src/http/api/schemas.ts';
import { compileTrustedProxies } from '../../src/http/client-address.ts';
import { addProvider, type ProviderMembers, type TestProvider } from './identity-provider.ts';
import { KEY } from './token-fixtures.ts';
import { type TestTokenServiceOptions, testTokenService } from './token-service.ts';

const LIMITS: ListenerLimits = {
  headerBytes: 16 * 1024,
  headerCount: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 10_000,
  connections: 1000,
};

/** As a configuration that says nothing has them. */
export const API_LIMITS: ApiLimits = {
  ...tokenServiceSchema.parse({}).anonymousLimit,
  countsLoopback: false,
  processes: 1,
};

export const API_SETTINGS: ApiSettings = {
  cookies: { path: '/', sameSite: 'Lax', secure: 'auto', domain: null },
  compat: { validateInstants: 'seconds', tolerateUndefinedParams: true },
  limits: API_LIMITS,
};

export interface ApiOptions extends TestTokenServiceOptions {
  readonly settings?: Partial<ApiSettings>;
  /** Addresses and CIDR ranges. */
  readonly trustedProxies?: readonly string[];
  readonly tls?: ListenerTls;
  /** Other members of IDP1. */
  readonly provider?: ProviderMembers;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed; null: no body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members that they expect
  readonly body: any;
  /** Set-Cookie, by name. */
  readonly cookies: ReadonlyMap<string, string>;
}

export interface CallOptions {
  /** Of Authorization. */
  readonly auth?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type TestTokenService = Awaited<ReturnType<typeof testTokenService>>;

export interface TestApi extends TestTokenService {
  readonly url: string;
  readonly port: number;
  readonly provider: TestProvider;
  readonly records: ApiRecord[];
  /** Messages and fields of the operator's log, as JSON. */
  readonly log: string[];
  call(method: string, target: string, options?: CallOptions): Promise<ApiAnswer>;
  /** With KEY. */
  admin(method: string, target: string, json?: unknown, headers?: CallOptions['headers']): Promise<ApiAnswer>;
  close(): Promise<void>;
}

export async function startApi(options: ApiOptions = {}): Promise<TestApi> {
  const log: string[] = [];
  const parts = { log: logInto(log), ...options.parts };
  const tested = await testTokenService({ ...options, parts });
  const provider = await addProvider(tested, options.provider);
  const records: ApiRecord[] = [];
  const trusted = compileTrustedProxies(options.trustedProxies ?? []);
  let requests = 0;
  const listener = createApiListener({
    bind: { host: '127.0.0.1', port: 0 },
    limits: LIMITS,
    tls: options.tls ?? null,
    trustedProxies: () => trusted,
    operations: OPERATIONS,
    service: tested.service,
    foreign: { tokens: provider.tokens },
    settings: { ...API_SETTINGS, ...options.settings },
    clock: tested.clock,
    randomId: () => `request-${++requests}`,
    onRequestDone: (record) => records.push(record),
    log: logInto(log),
  });
  const { port } = await listener.start();
  const place = { port, isTls: options.tls !== undefined };
  const url = `${place.isTls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const call: TestApi['call'] = (method, target, callOptions = {}) =>
    send(place, method, target, callOptions);
  return {
    ...tested,
    url,
    port,
    provider,
    records,
    log,
    call,
    admin: (method, target, json, headers = {}) => call(method, target, { auth: KEY, json, headers }),
    close: () => listener.close(0),
  };
}

function logInto(lines: string[]): Logger {
  const write = (message: string, fields: object = {}) =>
    void lines.push(JSON.stringify({ message, ...fields }));
  return { debug: write, info: write, warn: write, error: write };
}

async function send(place: Place, method: string, target: string, options: CallOptions): Promise<ApiAnswer> {
  const { auth, json, text, headers = {} } = options;
  const body = json === undefined ? text : JSON.stringify(json);
  const answer = await exchange(place, method, target, body, {
    ...(auth === undefined ? {} : { Authorization: auth }),
    ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
    // node:http's client frames no body of a DELETE by itself.
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  });
  requireDeclared(method, target, answer);
  return answer;
}

interface Place {
  readonly port: number;
  readonly isTls: boolean;
}

function exchange(
  { port, isTls }: Place,
  method: string,
  path: string,
  body: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const make = isTls ? requestOverTls : request;
    const target = {
      host: '127.0.0.1',
      port,
      method,
      path,
      headers,
      agent: false,
      rejectUnauthorized: false,
    };
    const sent = make(target, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: text === '' ? null : JSON.parse(text),
          cookies: cookiesOf(response.headers['set-cookie'] ?? []),
        });
      });
    });
    sent.on('error', reject).end(body);
  });
}

function cookiesOf(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line]));
}

const router = createRouter(OPERATIONS);
/** What every answer has (security row T17), and what none may have (B05). */
const ALWAYS = { 'cache-control': 'no-store', pragma: 'no-cache', 'x-content-type-options': 'nosniff' };

/** FusionAuth's answers without a body. */
const SILENT = [401, 404, 405, 500];

/** Undefined: what every operation may answer, or no operation. */
function declaredAnswer(method: string, target: string, status: number): AnswerDeclaration | undefined {
  try {
    return router.find(method, target.split('?', 1)[0] ?? '').operation.answers[status];
  } catch {
    return undefined;
  }
}

/** The status is a declared one, the body fits its schema, and bodies that must be empty are. @throws Error otherwise */
function requireDeclared(method: string, target: string, { status, headers, text, body }: ApiAnswer): void {
  const problem = (what: string) =>
    new Error(`${method} ${target} → ${status} ${text.slice(0, 500)}: ${what}`);
  for (const [name, value] of Object.entries(ALWAYS)) if (headers[name] !== value) throw problem(name);
  if (headers['access-control-allow-origin'] !== undefined) throw problem('CORS');
  if ((body === null) !== (headers['content-type'] === undefined)) throw problem('Content-Type');
  const declared = declaredAnswer(method, target, status);
  if (declared === undefined && SILENT.includes(status) && text !== '')
    throw problem('the body is not empty');
  // What every operation may answer, where it declares nothing else.
  if (declared === undefined && status >= 400 && (body === null || errorsAnswer.safeParse(body).success))
    return;
  if (declared === undefined) throw problem(status < 400 ? 'the status is not declared' : 'no Errors JSON');
  if ((declared.schema === undefined) !== (body === null))
    throw problem('a body where none is declared, or none');
  const parsed = declared.schema?.safeParse(body);
  if (parsed?.success === false) throw problem(parsed.error.message);
}
