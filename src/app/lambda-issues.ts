/** Lambdas of the configuration that are no programs, said before anything starts. */
import type { Compiled } from '../config/compile.ts';
import type { ConfigIssue } from '../config/issue.ts';
import type { LoadedConfig } from '../config/load.ts';
import { SECOND_MS } from '../core/time.ts';
import { createSandbox } from '../identity-providers/lambda/sandbox.ts';
import { mistakeInLambda } from '../identity-providers/lambda/syntax.ts';
import { schedule } from './ports.ts';

/** A body of 64 KiB is parsed in milliseconds; what needs seconds was written to take them. */
const PARSING_MS_MAX = 5 * SECOND_MS;

/** In the sandbox, like their runs. None without lambdas: no thread is started. */
export async function lambdaIssues(config: LoadedConfig, { tokenService }: Compiled): Promise<ConfigIssue[]> {
  const issues: ConfigIssue[] = [];
  if (tokenService === null || tokenService.seed.lambdas.length === 0) return issues;
  const { memoryBytes } = tokenService.lambdaLimits;
  const sandbox = createSandbox({ memoryBytes, timeoutMs: PARSING_MS_MAX, schedule });
  try {
    for (const [index, { body }] of tokenService.seed.lambdas.entries()) {
      const path = ['tokenService', 'lambdas', 'items', index, 'body'];
      const mistake = config.isUnread(path) ? null : await mistakeInLambda(sandbox, body);
      if (mistake !== null) issues.push(config.issue(path, mistake));
    }
  } finally {
    await sandbox.close();
  }
  return issues;
}
