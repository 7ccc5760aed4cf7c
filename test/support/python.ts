/** Runs Python where a test wants what PyJWT does, not what we think it does. `.ci/run` installs it into `.tmp/python`. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const PYTHON = 'python3';
const PACKAGES = join(import.meta.dirname, '../../.tmp/python');
/** An interpreter that hangs fails its test, not the run. */
const TIMEOUT_MS = 15_000;

/** Standard output of the program, without the final line break. `args` are `sys.argv[1:]`. Rejects where it fails. */
export async function runPython(source: string, args: readonly string[] = []): Promise<string> {
  const { stdout } = await execute(PYTHON, ['-c', source, ...args], {
    env: { ...process.env, PYTHONPATH: PACKAGES },
    timeout: TIMEOUT_MS,
  });
  return stdout.trimEnd();
}

/** True where PyJWT 2 with its cryptography can be imported; where not, the reason is printed. */
export const hasPyJwt: boolean = await runPython(
  'import cryptography, jwt; assert jwt.__version__ >= "2"',
).then(
  () => true,
  () => {
    process.stdout.write('skipped: PyJWT cannot be imported, see .ci/run\n');
    return false;
  },
);
