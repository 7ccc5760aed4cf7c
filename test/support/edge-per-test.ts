/** A proxy listener before an upstream that records, both new for each test. */
import { afterEach } from 'vitest';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import { type Edge, type EdgeOptions, httpUpstream, startEdge } from './edge.ts';
import { type RecordingUpstream, recordingUpstream, type Script } from './upstream.ts';

export interface EdgePerTest {
  /** Those of the running test, from `start` on. */
  readonly edge: Edge;
  readonly upstream: RecordingUpstream;
  start(options?: EdgeTestOptions, script?: Script): Promise<void>;
}

export interface EdgeTestOptions extends Partial<EdgeOptions> {
  /** Settings of the upstream that records. */
  readonly settings?: Partial<UpstreamSettings>;
}

/** Call once, in the file or in a describe; its parts may be taken out. `defaults`: of all its tests. */
export function edgePerTest(defaults: Partial<EdgeOptions> = {}): EdgePerTest {
  let running: { edge: Edge; upstream: RecordingUpstream } | null = null;
  const now = () => {
    if (running === null) throw new Error('the test has not called start()');
    return running;
  };
  afterEach(async () => {
    await running?.edge.close();
    await running?.upstream.close();
    running = null;
  });
  return {
    edge: {
      get port() {
        return now().edge.port;
      },
      get records() {
        return now().edge.records;
      },
      get upstreams() {
        return now().edge.upstreams;
      },
      setTls: (tls) => now().edge.setTls(tls),
      close: (graceMs) => now().edge.close(graceMs),
    },
    upstream: {
      get port() {
        return now().upstream.port;
      },
      get url() {
        return now().upstream.url;
      },
      get seen() {
        return now().upstream.seen;
      },
      bytes: () => now().upstream.bytes(),
      connections: () => now().upstream.connections(),
      openConnections: () => now().upstream.openConnections(),
      close: () => now().upstream.close(),
    },
    start: async ({ settings, ...options } = {}, script) => {
      const upstream = await recordingUpstream(script);
      const edge = await startEdge({
        upstreams: [httpUpstream(upstream.url, settings)],
        ...defaults,
        ...options,
      });
      running = { edge, upstream };
    },
  };
}
