import { defineConfig } from 'vitest/config';

/** One project a kind of evidence; `npx vitest run --project unit` runs one alone. */
const project = (name: string) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: 20_000,
    hookTimeout: 30_000,
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
