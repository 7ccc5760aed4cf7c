/** An upstream of raw sockets that reads strictly, remembers every byte, and answers or misbehaves as it is told. */
import { createServer, type Socket } from 'node:net';
import { readRequest, secondWord, valuesOf, type WireMessage } from './http-message.ts';

/** Marks a request and the answer to it, so that crossed answers are seen. */
export const TAG = 'X-Wire-Tag';

export interface Behaviour {
  /** As soon as the head of a request is there; its body may be missing still. */
  onHead?(head: Omit<WireMessage, 'body'>, socket: Socket): void;
  /** When the request is whole. */
  onRequest?(request: WireMessage, socket: Socket): void;
}

export interface WireUpstream {
  readonly url: string;
  behaviour: Behaviour;
  /** Whole requests since `forget()`, on all connections. */
  readonly requests: readonly WireMessage[];
  /** Bytes that a strict server would not accept, or would accept in another meaning. */
  readonly violations: readonly string[];
  /** Everything received since `forget()`, latin-1. */
  bytes(): string;
  connections(): number;
  openConnections(): number;
  /** Resolves when no open connection holds a part of a request. */
  settled(): Promise<void>;
  /** Resolves when every connection is closed. */
  allClosed(): Promise<void>;
  /** Answers well again. */
  behave(): void;
  /** Starts a new record, and answers well again. */
  forget(): void;
  close(): Promise<void>;
}

export function tagOf(message: WireMessage | undefined): string {
  return message === undefined ? '' : (valuesOf(message, TAG.toLowerCase())[0] ?? '');
}

/** 200 with the tag, and with the request line and length of the body as body. */
export function answerTo(request: WireMessage): string {
  const [method = ''] = request.startLine.split(' ');
  const body = `${method} ${secondWord(request)} ${request.body.length}`;
  const head = `HTTP/1.1 200 OK\r\n${TAG}: ${tagOf(request)}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return head + (method === 'HEAD' ? '' : body);
}

const WELL_BEHAVED: Behaviour = {
  onRequest: (request, socket) => void socket.write(Buffer.from(answerTo(request), 'latin1')),
};

interface Connection {
  readonly socket: Socket;
  unread: string;
  isHeadSeen: boolean;
  isInvalid: boolean;
}

class RecordedUpstream implements WireUpstream {
  behaviour = WELL_BEHAVED;
  requests: WireMessage[] = [];
  violations: string[] = [];
  url = '';
  #received: Buffer[] = [];
  #accepted = 0;
  readonly #open = new Set<Connection>();
  #waiting: (() => void)[] = [];
  readonly #server = createServer((socket) => this.#accept(socket));

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no TCP address');
    this.url = `http://127.0.0.1:${address.port}`;
  }

  #accept(socket: Socket): void {
    const connection: Connection = { socket, unread: '', isHeadSeen: false, isInvalid: false };
    this.#accepted += 1;
    this.#open.add(connection);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(connection);
      this.#changed();
    });
    socket.on('data', (piece) => {
      this.#received.push(piece);
      connection.unread += piece.toString('latin1');
      this.#read(connection);
      this.#changed();
    });
  }

  #read(connection: Connection): void {
    while (!connection.isInvalid && connection.unread !== '') {
      const reading = readRequest(connection.unread);
      if (reading.kind === 'invalid') {
        connection.isInvalid = true;
        this.violations.push(reading.why);
        return;
      }
      const head = reading.kind === 'message' ? reading.message : reading.head;
      if (head !== null && !connection.isHeadSeen) {
        connection.isHeadSeen = true;
        this.behaviour.onHead?.(head, connection.socket);
      }
      if (reading.kind === 'partial') return;
      connection.unread = reading.rest;
      connection.isHeadSeen = false;
      this.requests.push(reading.message);
      this.behaviour.onRequest?.(reading.message, connection.socket);
    }
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const check of waiting) check();
  }

  #until(isReached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => (isReached() ? resolve() : void this.#waiting.push(check));
      check();
    });
  }

  bytes(): string {
    return Buffer.concat(this.#received).toString('latin1');
  }

  connections(): number {
    return this.#accepted;
  }

  openConnections(): number {
    return this.#open.size;
  }

  settled(): Promise<void> {
    return this.#until(() => ![...this.#open].some(({ unread }) => unread !== ''));
  }

  allClosed(): Promise<void> {
    return this.#until(() => this.#open.size === 0);
  }

  forget(): void {
    for (const { socket, unread } of this.#open) if (unread !== '') socket.destroy(); // left by a failed case
    this.requests = [];
    this.violations = [];
    this.#received = [];
    this.behave();
  }

  behave(): void {
    this.behaviour = WELL_BEHAVED;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const { socket } of this.#open) socket.destroy();
    });
  }
}

export async function startUpstream(): Promise<WireUpstream> {
  const upstream = new RecordedUpstream();
  await upstream.listen();
  return upstream;
}
