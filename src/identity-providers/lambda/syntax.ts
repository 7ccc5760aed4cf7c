/** Whether the body of a lambda is a program at all, said when it is written and not when somebody logs in. */
import type { Sandbox } from './sandbox.ts';

/**
 * Null: it is one. Else what is wrong with it, in the interpreter's words. Nothing of it is run, so that it may still
 * declare no function of the right name.
 *
 * @throws SandboxBusyError; ThreadLostError for a fault that is not the lambda's
 */
export async function mistakeInLambda(sandbox: Pick<Sandbox, 'run'>, body: string): Promise<string | null> {
  const { outcome } = await sandbox.run({ entryPoint: null, body });
  return outcome.kind === 'returned' ? null : outcome.message;
}
