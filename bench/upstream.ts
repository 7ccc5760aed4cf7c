/** The upstreams on the load core: nginx for small requests, so that it is never the slow part; node:http for bodies. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAnswering } from './peer.ts';
import { nginxHead, nginxTemporary } from './peers/nginx.ts';
import { CORES, type Command, freePort, has, start, stop } from './process.ts';

export interface Upstreams {
  /** Answers small requests. */
  readonly smallPort: number;
  /** Answers a body with the same body, and `/jwks`. */
  readonly bodyPort: number;
  /** For the report. */
  readonly description: string;
  stop(): Promise<void>;
}

/** `jwksFile`: served at `/jwks`. */
export async function startUpstreams(folder: string, jwksFile: string): Promise<Upstreams> {
  const bodyPort = await freePort();
  const env = { BENCH_PORT: `${bodyPort}`, BENCH_JWKS: jwksFile };
  const script = join(import.meta.dirname, 'servers/upstream.ts');
  const stopNode = await startOne(
    { file: process.execPath, args: [script], env },
    bodyPort,
    join(folder, 'upstream'),
  );
  if (!has('nginx')) {
    const description = 'node:http (nginx is not installed: fast peers are limited by the upstream)';
    return { smallPort: bodyPort, bodyPort, description, stop: stopNode };
  }
  const smallPort = await freePort();
  const nginxFolder = join(folder, 'upstream-nginx');
  const stopNginx = await startOne(nginxCommand(nginxFolder, smallPort), smallPort, nginxFolder);
  const stopBoth = async () => {
    await Promise.all([stopNode(), stopNginx()]);
  };
  return { smallPort, bodyPort, description: 'nginx (`return 200`), node:http for bodies', stop: stopBoth };
}

async function startOne(command: Command, port: number, folder: string): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true });
  const child = start(command, CORES.load, join(folder, 'output.log'));
  await untilAnswering(child, `http://127.0.0.1:${port}`, folder);
  return () => stop(child);
}

function nginxCommand(folder: string, port: number): Command {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'nginx.conf');
  writeFileSync(
    path,
    `${nginxHead(folder)}
http {
  ${nginxTemporary(folder)}
  access_log off;
  keepalive_requests 1000000000;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "hello"; }
    location ~ /check$ { return 200 $http_x_jwt_assertion; }
  }
}
`,
  );
  return { file: 'nginx', args: ['-e', join(folder, 'error.log'), '-c', path, '-p', folder] };
}
