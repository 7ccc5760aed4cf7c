import { afterEach, describe, expect, it } from 'vitest';
import { ECHO, type Edge, get, httpUpstream, MINTED, startEdge } from '../support/edge.ts';
import { exchange, header } from '../support/raw-client.ts';
import { headerOf, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

let edge: Edge;
let upstream: RecordingUpstream | undefined;

afterEach(async () => {
  await edge.close();
  await upstream?.close();
  upstream = undefined;
});

describe('proxy', () => {
  it('forwards an authenticated request with the assertion under its exact name (AST-S04)', async () => {
    upstream = await recordingUpstream();
    edge = await startEdge({ upstreams: [httpUpstream(upstream.url)] });
    const response = await exchange(edge.port, get('/a?b=c'));
    expect(response.status).toBe(200);
    expect(response.body).toBe('ok');
    expect(upstream.seen[0]?.requestLine).toBe('GET /a?b=c HTTP/1.1');
    expect(upstream.seen[0]?.headers.at(-1)).toEqual(['X-JWT-Assertion', MINTED]);
    expect(headerOf(upstream.seen[0], 'authorization')).toEqual([]);
  });

  it('answers 401 with problem and challenge, without an upstream request (FJR-S34)', async () => {
    upstream = await recordingUpstream();
    edge = await startEdge({ upstreams: [httpUpstream(upstream.url)] });
    const response = await exchange(edge.port, 'GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n');
    expect(response.status).toBe(401);
    expect(header(response, 'www-authenticate')).toBe('Bearer realm="countersign"');
    expect(header(response, 'content-type')).toBe('application/problem+json');
    expect(upstream.connections()).toBe(0);
  });

  it('shows through builtin:echo what a backend gets', async () => {
    edge = await startEdge({ upstreams: [ECHO] });
    const response = await exchange(edge.port, get('/x'));
    expect(JSON.parse(response.body)).toMatchObject({ method: 'GET', url: '/x' });
  });
});
