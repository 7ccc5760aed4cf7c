/** A client that sends exactly the bytes it is given and parses what comes back. */
import { connect, type Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  /** Names in lower case and values in turn. */
  readonly headers: readonly [string, string][];
  readonly body: string;
}

export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far, as latin-1. */
  received(): string;
  send(bytes: string | Buffer): void;
  /** The responses received so far, in order; informational ones included. */
  responses(): RawResponse[];
  /** Resolves with the first `count` responses, or with fewer where the connection closes before. */
  waitFor(count: number): Promise<RawResponse[]>;
  /** Resolves when the gateway has closed. */
  closed(): Promise<void>;
  close(): void;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const received = () => Buffer.concat(pieces).toString('latin1');
  return {
    socket,
    received,
    send: (bytes) => socket.write(bytes),
    responses: () => parseResponses(received()),
    waitFor: (count) =>
      new Promise((resolve) => {
        const check = () => {
          const found = parseResponses(received());
          if (found.length < count && !socket.destroyed) return;
          socket.off('data', check).off('close', check);
          resolve(found);
        };
        socket.on('data', check).on('close', check);
        check();
      }),
    closed: () => isClosed,
    close: () => socket.destroy(),
  };
}

/** Sends the bytes, waits for one response, closes. */
export async function exchange(port: number, bytes: string | Buffer): Promise<RawResponse> {
  const client = await rawClient(port);
  client.send(bytes);
  const [response] = (await client.waitFor(1)).filter(({ status }) => status >= 200 || status === 101);
  client.close();
  return response ?? { status: 0, headers: [], body: '' };
}

export function header(response: RawResponse, name: string): string | undefined {
  return response.headers.find(([found]) => found === name)?.[1];
}

/** Complete responses only; a chunked body is joined. Without framing, the rest is the body. */
export function parseResponses(text: string): RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return responses;
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const status = Number(statusLine.split(' ')[1]);
    const body = readBody(status, headers, rest.slice(end + 4));
    if (body === null) return responses;
    responses.push({ status, headers, body: body.text });
    rest = body.rest;
  }
}

function readBody(
  status: number,
  headers: readonly [string, string][],
  rest: string,
): { text: string; rest: string } | null {
  if (status < 200 || status === 204 || status === 304) return { text: '', rest };
  const length = headers.find(([name]) => name === 'content-length')?.[1];
  if (length !== undefined) {
    const bytes = Number(length);
    return rest.length < bytes ? null : { text: rest.slice(0, bytes), rest: rest.slice(bytes) };
  }
  if (!headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked'))
    return { text: rest, rest: '' };
  return readChunks(rest);
}

function readChunks(given: string): { text: string; rest: string } | null {
  let text = '';
  let rest = given;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    if (lineEnd === -1) return null;
    const bytes = Number.parseInt(rest.slice(0, lineEnd), 16);
    const chunk = rest.slice(lineEnd + 2, lineEnd + 2 + bytes);
    if (rest.length < lineEnd + 2 + bytes + 2) return null;
    rest = rest.slice(lineEnd + 2 + bytes + 2);
    if (bytes === 0) return { text, rest };
    text += chunk;
  }
}
