/** Peer: http-proxy as its readme has it, with the keep-alive agent that it needs to be fast. */
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const { BENCH_PORT, BENCH_UPSTREAM } = process.env;
const proxy = httpProxy.createProxyServer({
  target: BENCH_UPSTREAM ?? '',
  agent: new Agent({ keepAlive: true }),
});

createServer((request, response) => {
  proxy.web(request, response, {}, () => response.writeHead(502).end());
}).listen(Number(BENCH_PORT), '127.0.0.1');
