/** Test vectors of other projects, read in place: `../shared/vectors` beside the repository. Not part of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const VECTORS = join(import.meta.dirname, '../../../shared/vectors');

/** The parsed file, or null where the vectors are not installed; the reason is printed. */
export function readVectors<T>(path: string): T | null {
  const text = readVectorText(path);
  return text === null ? null : JSON.parse(text);
}

/** The text of the file, or null where the vectors are not installed; the reason is printed. */
export function readVectorText(path: string): string | null {
  const file = join(VECTORS, path);
  if (existsSync(file)) return readFileSync(file, 'utf8');
  process.stdout.write(`skipped: ${path} is not installed beside the repository\n`);
  return null;
}
