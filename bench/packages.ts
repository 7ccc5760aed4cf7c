/** Versions of installed packages, for the report. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function packageVersion(name: string): string {
  const path = join(import.meta.dirname, '../node_modules', name, 'package.json');
  return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
}
