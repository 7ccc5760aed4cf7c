/** `workers` as a number, for this machine. */
import type { CompileContext } from './context.ts';

/** At least 1. */
export function compileWorkers(context: CompileContext): number {
  const { workers } = context.config.settings;
  const { processors } = context.dependencies;
  if (workers === 'auto') return processors;
  if (workers > 1 && workers > processors)
    context.warn(
      ['workers'],
      `are more than the ${processors} processors that this process may use: they would wait for one another`,
    );
  return workers;
}
