/** Every workload, in the order in which they run. */
import type { Workload } from './bench.ts';
import { floods } from './workloads/floods.ts';
import { memory } from './workloads/memory.ts';
import { newTokens } from './workloads/new-tokens.ts';
import { routes } from './workloads/routes.ts';
import { throughputWorkloads } from './workloads/throughput.ts';
import { tokenGrowth } from './workloads/token-growth.ts';
import { tokenServiceWorkloads } from './workloads/token-service.ts';

export const WORKLOADS: readonly Workload[] = [
  ...throughputWorkloads,
  newTokens,
  routes,
  floods,
  memory,
  ...tokenServiceWorkloads,
  tokenGrowth,
];
