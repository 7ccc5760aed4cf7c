/** `workers`: how many processes serve the listeners. */
import { z } from 'zod';

/** Far beyond the processors of today's machines: a larger number is a slip of the hand. */
export const WORKERS_MAX = 256;

const ERROR = `is no number of workers: write auto, or 1 to ${WORKERS_MAX}`;

export const workersSchema = z
  .union([z.literal('auto'), z.int().min(1).max(WORKERS_MAX)], { error: ERROR })
  .default(1)
  .meta({
    description:
      'Processes that share the listeners, beside one that looks after them; `auto`: one for each processor. Caches, health checks, breakers and retry budgets are those of each worker. See docs/workers.md.',
  });
