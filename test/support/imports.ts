/** What an importer printed, as the gateway reads it: strictly, `$$` and all, without an environment. */
import { parseDocument } from 'yaml';

/** References stay as they are written; `$$` is one `$`. */
export function settingsIn(yaml: string): Record<string, unknown> {
  const document = parseDocument(yaml, { version: '1.2', schema: 'core', strict: true });
  if (document.errors.length > 0 || document.warnings.length > 0) throw new Error(String(document.errors));
  return JSON.parse(JSON.stringify(document.toJS()).replaceAll('$$', () => '$'));
}
