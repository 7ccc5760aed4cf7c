/** nginx and HAProxy as fronts of the gateway: each says in its log which requests it took for one, and passed on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startProgram } from '../../support/programs.ts';

export interface PassedOn {
  /** Of the gateway's answer. */
  readonly status: number;
  readonly target: string;
}

export interface Front {
  readonly port: number;
  /** Requests that the front passed on and that were answered, in the order of its log. */
  passedOn(): readonly PassedOn[];
  stop(): Promise<void>;
}

export interface FrontProgram {
  readonly name: string;
  start(gatewayPort: number): Promise<Front>;
}

/** A client that sends half a request, or nothing more, is given up after this. */
const CLIENT_SECONDS = 1;

export const NGINX: FrontProgram = {
  name: 'nginx',
  start: async (gatewayPort) => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-nginx-'));
    const [port, path, log] = [await freePort(), join(folder, 'nginx.conf'), join(folder, 'access.log')];
    writeFileSync(path, nginxConfiguration(folder, log, port, gatewayPort));
    const args = ['-e', join(folder, 'error.log'), '-p', folder, '-c', path];
    const program = await startProgram('nginx', args, port);
    return {
      port,
      passedOn: () => parseLog(readFileSync(log, 'latin1')),
      stop: async () => {
        await program.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

/** Bodies go on while they come, over kept connections: where front and gateway disagree, it shows. */
function nginxConfiguration(folder: string, log: string, port: number, gatewayPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  log_format passed 'passed-on $upstream_status $request_uri';
  access_log ${log} passed;
  client_header_timeout ${CLIENT_SECONDS}s;
  client_body_timeout ${CLIENT_SECONDS}s;
  keepalive_timeout ${CLIENT_SECONDS}s;
  lingering_timeout ${CLIENT_SECONDS}s;
  upstream gateway { server 127.0.0.1:${gatewayPort}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    underscores_in_headers on;
    ignore_invalid_headers off;
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_next_upstream off;
    }
  }
}
`;
}

export const HAPROXY: FrontProgram = {
  name: 'haproxy',
  start: async (gatewayPort) => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-haproxy-'));
    const [port, path] = [await freePort(), join(folder, 'haproxy.cfg')];
    writeFileSync(path, haproxyConfiguration(port, gatewayPort));
    const program = await startProgram('haproxy', ['-db', '-f', path], port);
    return {
      port,
      passedOn: () => parseLog(program.output()),
      stop: async () => {
        await program.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

function haproxyConfiguration(port: number, gatewayPort: number): string {
  return `global
  log stdout format raw local0 info
  nbthread 1
defaults
  mode http
  log global
  log-format "%s %ST %HU"
  retries 0
  timeout connect 5s
  timeout client ${CLIENT_SECONDS}s
  timeout http-request ${CLIENT_SECONDS}s
  timeout http-keep-alive ${CLIENT_SECONDS}s
  timeout server 10s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend gateway
backend gateway
  server passed-on 127.0.0.1:${gatewayPort}
`;
}

/** Requests that the front refused itself have no status of the gateway, or the name of no server. */
function parseLog(text: string): PassedOn[] {
  const lines = text.matchAll(/^passed-on (\d{3}) (.*)$/gm);
  return [...lines].map(([, status = '', target = '']) => ({ status: Number(status), target }));
}
