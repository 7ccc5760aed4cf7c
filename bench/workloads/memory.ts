/** A million requests with a hundred thousand tokens: is the memory flat after warm-up? */
import { readFileSync } from 'node:fs';
import type { Bench, Section, Workload } from '../bench.ts';
import { makeTokens } from '../fixtures.ts';
import { drive } from '../load/load.ts';
import type { RunningPeer } from '../peer.ts';
import { countersign, opsPort } from '../peers/countersign.ts';

const SLICE_SECONDS = 10;
/** Of the requests: caches fill, the code is compiled. */
const WARM_UP_SHARE = 0.25;
const GROWTH_MOST = 1.1;

export const memory: Workload = { name: 'memory', run };

interface Sample {
  readonly requests: number;
  readonly residentMiB: number;
  readonly heapMiB: number;
}

/** ES256 on both sides: RSA would spend its time on signatures, and the memory is the same. */
async function run(bench: Bench): Promise<Section> {
  const { effort } = bench;
  const keys = await bench.keysOf('ES256');
  const tokens = await makeTokens(keys, 'ES256', effort.memoryTokens);
  const requests = bench.requests(
    'memory',
    tokens.map((token) => `GET /hello ${token}`),
  );
  const running = await bench.start(countersign, { family: 'ES256' });
  try {
    const samples = [await sampleOf(running, 0)];
    for (let sent = 0; sent < effort.memoryRequests; ) {
      const seconds = effort.measuresPeers ? SLICE_SECONDS : 1;
      const load = {
        origin: running.origin,
        requests,
        connections: effort.connections,
        seconds,
        offset: sent,
      };
      const result = await drive(load);
      if (result.refused + result.broken > 0) throw new Error(`${result.refused} requests were refused`);
      sent += result.requests;
      samples.push(await sampleOf(running, sent));
    }
    return sectionOf(samples, effort.memoryTokens);
  } finally {
    await running.stop();
  }
}

const MIB = 1024 * 1024;

async function sampleOf({ pid, origin }: RunningPeer, requests: number): Promise<Sample> {
  const residentKib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  const ops = await fetch(`http://127.0.0.1:${opsPort(Number(new URL(origin).port))}/metrics`);
  const heapBytes = Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(await ops.text())?.[1]);
  return { requests, residentMiB: residentKib / 1024, heapMiB: heapBytes / MIB };
}

function sectionOf(samples: readonly Sample[], tokens: number): Section {
  const total = samples.at(-1)?.requests ?? 0;
  const warm = samples.filter(({ requests }) => requests >= total * WARM_UP_SHARE);
  const first = warm[0]?.residentMiB ?? Number.NaN;
  const greatest = Math.max(...warm.map(({ residentMiB }) => residentMiB));
  const growth = greatest / first;
  return {
    title: `Memory: ${total} requests, ${tokens} distinct tokens (ES256), caches of 10,000`,
    lines: [
      '| requests so far | resident MiB | heap in use MiB |',
      '| --- | --- | --- |',
      ...samples.map(
        ({ requests, residentMiB, heapMiB }) =>
          `| ${requests} | ${residentMiB.toFixed(0)} | ${heapMiB.toFixed(0)} |`,
      ),
    ],
    goals: [
      {
        text: `memory after the first quarter grows to at most ${GROWTH_MOST} × what it was`,
        measured: growth.toFixed(2),
        isMet: growth <= GROWTH_MOST,
      },
    ],
  };
}
