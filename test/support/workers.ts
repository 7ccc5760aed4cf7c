/** `countersign serve` with several workers, and what tells them apart: their log lines. */
import { request } from 'node:http';
import { type ServeProcess, until } from './serve.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own, so that each may meet another worker. Rejects where the connection breaks. */
export function ask(url: string, token: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    const sent = request(url, { agent: false, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.once('error', reject).end();
  });
}

/** Pids of the workers that serve now, by their number. */
export function workerPids(gateway: ServeProcess): Map<number, number> {
  const lines = gateway.log().filter(({ msg }) => msg === 'A worker serves');
  return new Map(lines.map(({ worker, pid }) => [Number(worker), Number(pid)]));
}

/** The worker of each answered request, by path. */
export function workerOfPath(gateway: ServeProcess): Map<string, number> {
  const lines = gateway.log().filter(({ msg }) => msg === 'request');
  return new Map(lines.map(({ path, worker }) => [String(path), Number(worker)]));
}

/** Asks for ever new paths until each of `count` workers has served one, and returns the paths by worker. */
export async function reachAll(
  gateway: ServeProcess,
  count: number,
  askFor: (name: string) => Promise<unknown>,
  prefix: string,
): Promise<Map<number, string>> {
  const reached = new Map<number, string>();
  let asked = 0;
  await until(async () => {
    await askFor(`${prefix}${asked++}`);
    for (const [path, worker] of workerOfPath(gateway)) if (path.includes(prefix)) reached.set(worker, path);
    return reached.size === count;
  });
  return reached;
}

/** The whole page of metrics. */
export async function metricsOf(ops: string): Promise<string> {
  return await (await fetch(`${ops}/metrics`)).text();
}

/** The value of one series; undefined where it is not on the page. */
export function seriesOf(page: string, series: string): number | undefined {
  const line = page.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
