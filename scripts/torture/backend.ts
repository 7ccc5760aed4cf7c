/** A backend of the torture: says which configuration sent each request, and streams for as long as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodePart } from '../../test/support/tokens.ts';

export interface Backend {
  readonly url: string;
  /** Ends the streams that have no end of their own. */
  endStreams(): void;
  close(): void;
}

/** What a backend answers, as JSON. */
export interface Seen {
  /** Name of the backend. */
  readonly backend: string;
  /** `applicationname` of the assertion: the name that the deciding configuration gave to its route. */
  readonly application: unknown;
  readonly bodyBytes: number;
}

const APPLICATION_CLAIM = 'http://wso2.org/claims/applicationname';
const CHUNK_INTERVAL_MS = 50;
/** Last line of a stream that was not cut. */
export const STREAM_END = 'end';

/** `GET /stream?chunks=40` streams so many numbered lines; without a number, until endStreams(). */
export async function startBackend(name: string): Promise<Backend> {
  const endings = new Set<() => void>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(`http://backend${request.url}`);
    if (pathname === '/stream') stream(response, Number(searchParams.get('chunks') ?? Infinity), endings);
    else void answer(name, request, response);
  });
  server.keepAliveTimeout = 60_000; // longer than any client keeps a connection idle: the race is not ours to lose
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    endStreams: () => {
      for (const end of endings) end();
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(backend: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bodyBytes = 0;
  try {
    for await (const chunk of request) bodyBytes += chunk.length;
  } catch {
    return; // cut: whoever sent it knows
  }
  const assertion = String(request.headers['x-jwt-assertion'] ?? '');
  const application = assertion === '' ? null : decodePart(assertion, 1)[APPLICATION_CLAIM];
  response.end(JSON.stringify({ backend, application, bodyBytes } satisfies Seen));
}

function stream(response: ServerResponse, chunks: number, endings: Set<() => void>): void {
  let sent = 0;
  const end = () => {
    clearInterval(timer);
    endings.delete(end);
    response.end(`${STREAM_END}\n`);
  };
  const timer = setInterval(() => {
    if (sent === chunks) end();
    else response.write(`${sent++}\n`);
  }, CHUNK_INTERVAL_MS);
  endings.add(end);
  response.once('close', () => clearInterval(timer));
  response.flushHeaders();
}
