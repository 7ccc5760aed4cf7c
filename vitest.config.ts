import { defineConfig } from 'vitest/config';

/**
 * No test takes as long by itself; on a machine that is busy with twenty other things, the slowest do. The first string
 * of any characters that fast-check makes in a file takes half a second of work alone.
 */
const TEST_TIMEOUT_MS = 60_000;
/** For what happens at once on a machine that has nothing else to do: `expect.poll` ends as soon as it has. */
const POLL_TIMEOUT_MS = 15_000;

/** One project a kind of evidence; `npx vitest run --project unit` runs one alone. */
const project = (name: string) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    expect: { poll: { timeout: POLL_TIMEOUT_MS } },
  },
});

/** More than the two cores of a small machine: most suites wait for sockets, child processes and each other. */
const WORKERS_MAX = 3;

export default defineConfig({
  test: {
    maxWorkers: WORKERS_MAX,
    reporters: ['default'],
    projects: ['unit', 'conformance', 'security', 'wire', 'integration', 'tidy'].map(project),
  },
});
