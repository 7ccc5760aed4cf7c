/** An issuer on a real socket whose every answer is scripted: key set, metadata, and what goes wrong with them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Idp {
  /** `http://127.0.0.1:<port>`, also the issuer name. */
  readonly issuer: string;
  readonly jwksUri: string;
  /** Requests so far, to any path. */
  hits(): number;
  /** Requests so far to one path. */
  hitsOf(path: string): number;
  lastHeaders(): IncomingMessage['headers'];
  /** From now on, requests to the path get this answer. Paths without one get 404. */
  answer(path: string, answer: Answer): void;
  /** The same for `/jwks`. */
  answerJwks(answer: Answer): void;
  close(): Promise<void>;
}

export const JWKS_PATH = '/jwks';

export interface IdpOptions {
  /** 0: any free one. */
  readonly port?: number;
  /** PEM key and certificate: the issuer speaks https. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Starts with an empty 404 for everything. */
export async function startIdp({ port = 0, tls }: IdpOptions = {}): Promise<Idp> {
  const answers = new Map<string, Answer>();
  const hitPaths: string[] = [];
  let headers: IncomingMessage['headers'] = {};
  const serve: Answer = (request, response) => {
    const path = request.url ?? '';
    hitPaths.push(path);
    headers = request.headers;
    (answers.get(path) ?? statusOnly(404))(request, response);
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const issuer = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    jwksUri: `${issuer}${JWKS_PATH}`,
    hits: () => hitPaths.length,
    hitsOf: (path) => hitPaths.filter((hit) => hit === path).length,
    lastHeaders: () => headers,
    answer: (path, answer) => void answers.set(path, answer),
    answerJwks: (answer) => void answers.set(JWKS_PATH, answer),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(value: unknown, headers: Record<string, string> = {}): Answer {
  return text(JSON.stringify(value), { 'content-type': 'application/json', ...headers });
}

export function text(body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return (_request, response) => void response.writeHead(200, headers).end(body);
}

/** `{keys}` of public JWKs. */
export function keySet(
  jwks: readonly Record<string, unknown>[],
  headers: Record<string, string> = {},
): Answer {
  return json({ keys: jwks }, headers);
}

/** A key set with an ETag, and 304 for who has it. */
export function keySetWithEtag(jwks: readonly Record<string, unknown>[], etag: string): Answer {
  return (request, response) => {
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
    else keySet(jwks, { etag })(request, response);
  };
}

export function statusOnly(status: number): Answer {
  return (_request, response) => void response.writeHead(status).end();
}

export function redirect(location: string, status = 302): Answer {
  return (_request, response) => void response.writeHead(status, { location }).end();
}

export function delayed(delayMs: number, answer: Answer): Answer {
  return (request, response) => void setTimeout(() => answer(request, response), delayMs).unref();
}

/** Takes the request and never says a word. */
export const hang: Answer = () => undefined;

/** Headers of a good answer, then nothing. */
export const headersOnly: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
};

/** One byte now and then, for ever. */
export function drip(everyMs = 20): Answer {
  return (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), everyMs);
    response.on('close', () => clearInterval(timer));
  };
}

/** A body without end, as fast as the client takes it. `sent()` tells how many bytes left. */
export function endless(): { answer: Answer; sent: () => number } {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  let sent = 0;
  const pour = (response: ServerResponse): void => {
    while (!response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) return;
    }
  };
  const answer: Answer = (_request, response) => {
    response.writeHead(200).on('drain', () => pour(response));
    pour(response);
  };
  return { answer, sent: () => sent };
}

/** Small on the wire, `bytes` after decompression. */
export function gzipBomb(bytes: number): Answer {
  return text(gzipSync(Buffer.alloc(bytes, ' ')), { 'content-encoding': 'gzip' });
}

/** Promises a body, begins it, and resets the connection. */
export const resetMidBody: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': '1000' }).write('{"keys":[');
  setTimeout(() => request.socket.resetAndDestroy(), 10);
};
