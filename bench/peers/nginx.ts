/** nginx with proxy_pass and kept connections: forwards, and writes an access log. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from '../peer.ts';
import { has, versionLine } from '../process.ts';

export const nginx: Peer = {
  name: 'nginx',
  does: 'forwards only, writes an access line',
  verifies: false,
  mints: false,
  missing: () => (has('nginx') ? null : 'nginx is not installed (bench/install.sh)'),
  version: () => versionLine('nginx', ['-v']) ?? '',
  command: ({ port, upstreamPort, folder }) => {
    const path = join(folder, 'nginx.conf');
    writeFileSync(path, configuration(port, upstreamPort, folder));
    return { file: 'nginx', args: ['-e', join(folder, 'error.log'), '-c', path, '-p', folder] };
  },
};

function configuration(port: number, upstreamPort: number, folder: string): string {
  return `${nginxHead(folder)}
http {
  ${nginxTemporary(folder)}
  access_log ${folder}/access.log combined buffer=64k;
  keepalive_requests 1000000000;
  upstream service { server 127.0.0.1:${upstreamPort}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
    }
  }
}
`;
}

/** One worker, in the foreground, as whoever starts it. */
export function nginxHead(folder: string): string {
  const isRoot = process.getuid?.() === 0;
  return `${isRoot ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }`;
}

export function nginxTemporary(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
}
