/** An upstream that keeps the exact bytes it receives, counts requests and connections, and answers by script. */
import { createServer, type Socket } from 'node:net';

export interface SeenRequest {
  /** Request line and headers, as sent. */
  readonly head: string;
  readonly requestLine: string;
  /** Names as sent, and values. */
  readonly headers: readonly [string, string][];
  /** Decoded body, latin-1. */
  readonly body: string;
  readonly connection: number;
}

export interface RecordingUpstream {
  readonly port: number;
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Bytes received on all connections, parsed or not. */
  bytes(): string;
  connections(): number;
  openConnections(): number;
  close(): Promise<void>;
}

/** Writes the answer to one request. The default is a 200 with a small JSON body. */
export type Script = (request: SeenRequest, socket: Socket) => void;

export const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

/** `wantedPort` 0: any that is free. */
export async function recordingUpstream(
  script: Script = (_request, socket) => void socket.write(OK),
  wantedPort = 0,
): Promise<RecordingUpstream> {
  const seen: SeenRequest[] = [];
  const pieces: Buffer[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    const connection = connections;
    open.add(socket);
    let buffered = '';
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.on('data', (piece) => {
      pieces.push(piece);
      buffered += piece.toString('latin1');
      for (;;) {
        const parsed = parseRequest(buffered, connection);
        if (parsed === null) return;
        buffered = parsed.rest;
        seen.push(parsed.request);
        script(parsed.request, socket);
      }
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(wantedPort, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    seen,
    bytes: () => Buffer.concat(pieces).toString('latin1'),
    connections: () => connections,
    openConnections: () => open.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

export function headerOf(request: SeenRequest | undefined, name: string): string[] {
  const matching = request?.headers.filter(([found]) => found.toLowerCase() === name.toLowerCase()) ?? [];
  return matching.map(([, value]) => value);
}

function parseRequest(text: string, connection: number): { request: SeenRequest; rest: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end);
  const [requestLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const framed = readBody(headers, text.slice(end + 4));
  if (framed === null) return null;
  return { request: { head, requestLine, headers, body: framed.body, connection }, rest: framed.rest };
}

function readBody(headers: readonly [string, string][], text: string): { body: string; rest: string } | null {
  const find = (name: string) => headers.find(([found]) => found.toLowerCase() === name)?.[1];
  if (find('transfer-encoding') === 'chunked') return readChunks(text);
  const bytes = Number(find('content-length') ?? 0);
  return text.length < bytes ? null : { body: text.slice(0, bytes), rest: text.slice(bytes) };
}

function readChunks(text: string): { body: string; rest: string } | null {
  let body = '';
  let rest = text;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    if (lineEnd === -1) return null;
    const bytes = Number.parseInt(rest.slice(0, lineEnd), 16);
    if (rest.length < lineEnd + 4 + bytes) return null;
    body += rest.slice(lineEnd + 2, lineEnd + 2 + bytes);
    rest = rest.slice(lineEnd + 4 + bytes);
    if (bytes === 0) return { body, rest };
  }
}
