/** `builtin:echo`: answers with what a backend would have received, so that a newcomer can read it. */
import type { Readable } from 'node:stream';
import type { ResponseSink, Upstream, UpstreamRequest } from './upstream.ts';

/** Bytes of a body that are shown; the rest is counted. */
const BODY_SHOWN_BYTES_MAX = 64 * 1024;

export function createEcho(name: string): Upstream {
  return {
    name,
    authority: 'echo',
    startChecks: () => {},
    stopChecks: () => {},
    status: () => [],
    forward: (request, sink) => echo(request, request.body, sink),
    upgrade: (request, sink) => echo(request, null, sink),
    close: () => Promise.resolve(),
  };
}

async function echo(
  request: Omit<UpstreamRequest, 'body'>,
  body: Readable | null,
  sink: ResponseSink,
): Promise<void> {
  const answer = { ...describe(request), body: await readBody(body) };
  const bytes = Buffer.from(`${JSON.stringify(answer, null, 2)}\n`);
  sink.start(200, ['Content-Type', 'application/json', 'Content-Length', String(bytes.length)]);
  if (request.method !== 'HEAD') sink.write(bytes);
  sink.end();
}

function describe(request: Omit<UpstreamRequest, 'body'>): object {
  const headers: [string, string][] = [];
  for (let index = 0; index < request.headers.length; index += 2)
    headers.push([request.headers[index] ?? '', request.headers[index + 1] ?? '']);
  const assertion = headers.find(([name]) => name === request.assertionHeader);
  return {
    method: request.method,
    url: request.target,
    headers,
    assertion: assertion === undefined ? null : decodeAssertion(assertion[1]),
  };
}

/** Header and payload as JSON, unverified: this shows, it does not check. Node reads both base64 alphabets. */
function decodeAssertion(token: string): object | null {
  const [header = '', payload = ''] = token.split('.');
  try {
    return { header: decodeJson(header), payload: decodeJson(payload) };
  } catch {
    return null;
  }
}

function decodeJson(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64').toString('utf8'));
}

async function readBody(body: Readable | null): Promise<{ bytes: number; text: string } | null> {
  if (body === null) return null;
  const shown: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const piece = Buffer.from(chunk);
    if (bytes < BODY_SHOWN_BYTES_MAX) shown.push(piece.subarray(0, BODY_SHOWN_BYTES_MAX - bytes));
    bytes += piece.length;
  }
  return { bytes, text: Buffer.concat(shown).toString('utf8') };
}
