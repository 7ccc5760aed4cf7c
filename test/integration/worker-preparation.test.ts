/** A worker that is told of another configuration while it still prepares one: a real process, asked by this one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forkWorker, type WorkerProcess } from '../../src/app/worker-process.ts';
import { until } from '../support/serve.ts';

const TIMEOUT_MS = 60_000;
const CALL_MS = 30_000;
const SILENT = 'https://silent.test/jwks';

let folder: string;
let worker: WorkerProcess;
/** URLs that the worker wants. */
let wanted: string[];

const filesOf = (realms: string) =>
  new Map([[join(folder, 'countersign.yaml'), Buffer.from(`${head()}realms: [${realms}]\n`)]]);
const head = () => `
version: 1
dataDir: ${folder}
listeners: { proxy: { bind: 127.0.0.1:0 }, ops: { bind: 127.0.0.1:0 } }
upstreams: { app: { targets: [http://127.0.0.1:9] } }
routes: [{ name: all, match: { pathPrefix: / }, upstream: app }]
`;
const waiting = `{ name: w, issuer: 'https://silent.test', jwksUri: '${SILENT}' }`;
const plain = `{ name: p, issuer: p, signingKey: { secret: ${'s'.repeat(32)} } }`;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-preparation-'));
  wanted = [];
  worker = forkWorker({
    onLines: () => {},
    calls: () => ({
      document: ({ url }) => {
        wanted.push(url);
        return new Promise(() => {});
      },
      leave: async () => {},
    }),
  });
  await worker.link.call(
    'start',
    {
      number: 1,
      share: { workers: 1, ports: { proxy: 0, api: null }, ticketSecret: Buffer.alloc(32) },
      configPath: join(folder, 'countersign.yaml'),
      environment: {},
      files: filesOf(plain),
    },
    CALL_MS,
  );
});
afterEach(async () => {
  worker.kill();
  await worker.ended;
  rmSync(folder, { recursive: true });
});

describe('a worker', { timeout: TIMEOUT_MS }, () => {
  it('gives up what it prepares when it is told to, however late its parts arrive', async () => {
    const preparing = worker.link.call('prepare', filesOf(waiting), CALL_MS).catch((error: Error) => error);
    await until(() => wanted.includes(SILENT));
    await worker.link.call('discard', null, CALL_MS);
    expect(await preparing).toMatchObject({ message: expect.stringContaining('given up') });
    await expect(worker.link.call('commit', null, CALL_MS)).rejects.toThrow('nothing was prepared');
  });

  it('uses what it was told last, whichever is ready first', async () => {
    const first = worker.link.call('prepare', filesOf(waiting), CALL_MS).catch((error: Error) => error);
    await until(() => wanted.includes(SILENT));
    await worker.link.call('prepare', filesOf(plain), CALL_MS);
    expect(await first).toMatchObject({ message: expect.stringContaining('given up') });
    await worker.link.call('commit', null, CALL_MS);
    expect(await worker.link.call('readiness', null, CALL_MS)).toMatchObject({ isReady: true });
  });
});
