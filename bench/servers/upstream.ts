/**
 * The upstream on node:http: `…/check` answers with the assertion it received, a POST with as many bytes as came,
 * `/jwks` with the issuer's keys, everything else with a greeting.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { BENCH_PORT, BENCH_JWKS } = process.env;
const jwks = readFileSync(BENCH_JWKS ?? '');

createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method === 'POST') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.end(Buffer.concat(chunks)));
    return;
  }
  if (request.url === '/jwks') response.setHeader('Content-Type', 'application/json').end(jwks);
  else if (request.url?.endsWith('/check')) response.end(request.headers['x-jwt-assertion'] ?? '');
  else response.setHeader('Content-Type', 'text/plain').end('hello');
}).listen(Number(BENCH_PORT), '127.0.0.1');
