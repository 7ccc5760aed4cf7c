/** Load at a fixed rate, whatever comes back: kept and fresh connections, bodies and streams, each answer checked. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Seen, STREAM_END } from './backend.ts';

export interface LoadOptions {
  readonly port: number;
  readonly token: string;
  readonly requestsPerSecond: number;
  /** Lines of each stream; null: one stream, that the backend ends. */
  readonly streamChunks: number | null;
}

export interface LoadResult {
  readonly requests: number;
  readonly streams: number;
  /** What went wrong, one line each. */
  readonly lost: readonly string[];
}

export interface Load {
  /** Requests that are over, lost ones included. */
  ended(): number;
  /** Begins nothing any more, and waits for what runs. */
  stop(): Promise<LoadResult>;
}

const TICK_MS = 10;
const BODY = Buffer.alloc(4096, 'x');
/** One request of ten is a POST, two open a connection of their own. */
const KINDS_COUNT = 10;

interface Shot {
  readonly path: string;
  readonly agent: Agent | false;
  readonly body: Buffer | null;
}

export function startLoad(options: LoadOptions): Load {
  // First in, first out: no kept connection rests for long, as it would not behind a real pool under load.
  const kept = new Agent({ keepAlive: true, scheduling: 'fifo' });
  const running = new Set<Promise<void>>();
  const counts = { requests: 0, ended: 0, streams: 0 };
  const lost: string[] = [];
  let isStopping = false;
  const startedAtMs = performance.now();

  const track = (what: string, task: Promise<void>, onEnd: () => void) => {
    const done = task.catch((error: Error) => void lost.push(`${what}: ${error.message}`)).then(onEnd);
    running.add(done);
    void done.then(() => running.delete(done));
  };
  const shoot = () => {
    const kind = counts.requests++ % KINDS_COUNT;
    const body = kind === 0 ? BODY : null;
    const agent = kind >= KINDS_COUNT - 2 ? false : kept;
    const name = `${body === null ? 'GET' : 'POST'} on a ${agent === false ? 'fresh' : 'kept'} connection`;
    track(name, ask(options, { path: `/${kind}`, agent, body }), () => counts.ended++);
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAtMs) / 1000) * options.requestsPerSecond;
    while (counts.requests < due) shoot();
  }, TICK_MS);
  const streaming = async () => {
    do {
      const task = readStream(options);
      track('stream', task, () => counts.streams++);
      await task.catch(() => delay(TICK_MS));
    } while (!isStopping);
  };
  void streaming();
  return {
    ended: () => counts.ended,
    stop: async () => {
      isStopping = true;
      clearInterval(timer);
      while (running.size > 0) await Promise.all(running);
      kept.destroy();
      return { requests: counts.requests, streams: counts.streams, lost };
    },
  };
}

/** @throws Error for anything but the answer of the backend that the deciding configuration names (row I11) */
async function ask(options: LoadOptions, shot: Shot): Promise<void> {
  const response = await send(options, shot);
  const text = await textOf(response);
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${text}`);
  const seen: Seen = JSON.parse(text);
  if (seen.bodyBytes !== (shot.body?.length ?? 0)) throw new Error(`${seen.bodyBytes} bytes arrived`);
  if (seen.application !== seen.backend)
    throw new Error(`decided by ${seen.application}, forwarded by ${seen.backend}`);
}

async function readStream(options: LoadOptions): Promise<void> {
  const query = options.streamChunks === null ? '' : `?chunks=${options.streamChunks}`;
  const response = await send(options, { path: `/stream${query}`, agent: false, body: null });
  const lines = (await textOf(response)).trimEnd().split('\n');
  if (lines.pop() !== STREAM_END) throw new Error('it was cut');
  if (lines.some((line, index) => line !== String(index))) throw new Error('it has gaps');
}

function send({ port, token }: LoadOptions, { path, agent, body }: Shot): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    const method = body === null ? 'GET' : 'POST';
    const sent = request({ port, host: '127.0.0.1', path, method, headers, agent }, resolve);
    sent.once('error', reject);
    if (body === null) sent.end();
    else sent.end(body);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return text;
}
