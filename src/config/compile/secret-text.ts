/** Secrets of the configuration: the text itself, or the file that holds it. */
import type { ConfigPath } from '../issue.ts';
import type { CompileContext } from './context.ts';

type SecretConfig = string | { readonly file: string };

/** Null after refusing: the file cannot be read, or there is nothing in it. */
export function secretText(secret: SecretConfig, path: ConfigPath, context: CompileContext): string | null {
  if (typeof secret !== 'string') return secretOfFile(secret.file, [...path, 'file'], context);
  warnInline(path, context);
  return secret;
}

function secretOfFile(file: string, path: ConfigPath, context: CompileContext): string | null {
  const text = context.readSecretText(file, path)?.replace(/\r?\n$/, '') ?? null;
  if (text !== '') return text;
  context.refuse(path, `the file ${context.resolvePath(file)} is empty`);
  return null;
}

/** Files are copied, printed and committed; the environment and secret files less so (decision 5). */
export function warnInline(path: ConfigPath, context: CompileContext): void {
  if (context.config.isInline(path))
    context.warn(path, `the secret stands in the file; write "\${NAME}" or {file: path} instead`);
}
