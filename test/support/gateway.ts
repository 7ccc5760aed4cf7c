/** The whole gateway on free ports, from YAML to sockets, in front of a backend that remembers what it received. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../src/app.ts';
import { decodePart } from './tokens.ts';

/** What the backend received. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Backend {
  readonly url: string;
  readonly received: Received[];
  /** Answers the requests to `…/slow` that wait, and lets the next ones wait again. */
  release(): void;
  close(): Promise<void>;
}

/**
 * Answers 200 with JSON {method, url, headers, rawHeaders, body}; `/sethdr` adds `X-JWT-Assertion: leak`, `/slow`
 * waits for `release`.
 */
export async function startBackend(): Promise<Backend> {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request;
      const seen = { method, url, headers, rawHeaders, body: Buffer.concat(chunks) };
      received.push(seen);
      if (url.endsWith('/sethdr')) response.setHeader('X-JWT-Assertion', 'leak');
      response.setHeader('Content-Type', 'application/json');
      const answer = () => void response.end(JSON.stringify({ ...seen, body: seen.body.toString('utf8') }));
      if (url.endsWith('/slow')) waiting.push(answer);
      else answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no TCP address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    release: () => {
      for (const answer of waiting.splice(0)) answer();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface GatewayOptions {
  /** Values of `${NAME}` in the YAML, beside BACKEND. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly clock?: () => number;
  /** Further files beside the configuration: name → content. */
  readonly files?: Readonly<Record<string, string>>;
  /** In the place of LISTENERS. */
  readonly listeners?: string;
}

export interface TestGateway {
  readonly url: string;
  readonly opsUrl: string;
  readonly backend: Backend;
  readonly app: App;
  /** Folder of the configuration file and of `dataDir: ./data`. */
  readonly folder: string;
  /** Log lines so far, parsed. */
  readonly log: Record<string, unknown>[];
  /** GET with a Bearer token, or as `init` says. */
  get(path: string, token?: string | null, init?: RequestInit): Promise<Response>;
  /** Assertion of the last request that reached the backend. */
  assertion(header?: string): {
    header: Record<string, unknown>;
    payload: Record<string, unknown>;
    value: string;
  };
  /** Writes the configuration and reloads it. */
  reload(yaml: string): Promise<boolean>;
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** Listeners on free ports of 127.0.0.1; put before the realms of a test. */
export const LISTENERS = `version: 1
listeners: { proxy: { bind: "127.0.0.1:0" }, ops: { bind: "127.0.0.1:0" } }
`;

/** Tests have their answers before they stop a gateway: nothing is waited for, unless they say so. */
const AT_ONCE = 'shutdownGrace: 0s\n';

/** `yaml` without `version` and `listeners`; `\${BACKEND}` is the URL of the backend. */
export async function startGateway(yaml: string, options: GatewayOptions = {}): Promise<TestGateway> {
  const backend = await startBackend();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-'));
  const configPath = join(folder, 'countersign.yaml');
  for (const [name, content] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), content);
  const write = (text: string) => {
    const grace = text.includes('shutdownGrace') ? '' : AT_ONCE;
    writeFileSync(configPath, (options.listeners ?? LISTENERS) + grace + text);
  };
  write(yaml);
  const log: Record<string, unknown>[] = [];
  const app = await startApp({
    configPath,
    environment: { ...options.environment, BACKEND: backend.url },
    writeLog: (line) => log.push(JSON.parse(line)),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const url = app.origins.proxy;
  return {
    url,
    opsUrl: app.origins.ops,
    backend,
    app,
    folder,
    log,
    get: (path, token = null, init = {}) =>
      fetch(
        `${url}${path}`,
        token === null ? init : { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } },
      ),
    assertion: (header = 'x-jwt-assertion') => {
      const value = String(backend.received.at(-1)?.headers[header] ?? '');
      return { value, header: decodePart(value, 0), payload: decodePart(value, 1) };
    },
    reload: (next) => {
      write(next);
      return app.reload();
    },
    metrics: async () => await (await fetch(`${app.origins.ops}/metrics`)).text(),
    stop: async () => {
      await app.stop();
      await backend.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The fixtures of the acceptance checks; `\${JWKS_URI}` is the key set of realm corp. */
export const ACCEPTANCE = `
realms:
  - name: fusion
    issuer: fusion
    signingKey: { secret: fusion-secret, allowWeakSecret: true }
    claims: { groups: groups }
    roles: { default: [authenticated], mapping: { group-one: search-user developer, group-two: admin } }
  - name: open
    issuer: unsigned-app
    allowUnsigned: true
    requireExpiration: false
assertion:
  userClaims: { retriever: token }
upstreams:
  echo: { targets: ["\${BACKEND}"] }
routes:
  - name: placefinder
    match: { pathPrefix: /placeFinder/1.0.0 }
    upstream: echo
    application: { id: "42", name: app2, subscriber: admin, tier: Silver, context: /placeFinder, version: 1.0.0 }
  - { name: roles, match: { pathPrefix: /api/roles }, upstream: echo, require: { roles: { any: [admin] } } }
  - { name: public, match: { pathPrefix: /public }, upstream: echo, auth: optional }
`;
