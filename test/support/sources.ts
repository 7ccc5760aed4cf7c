/** The files of the repository as the tidy tests read them. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Every TypeScript file below `src/`, tracked or not. */
export function sourceFiles(): SourceFile[] {
  return globSync('src/**/*.ts', { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .map((path) => ({ path, text: readRepositoryFile(path) }));
}

/** Every tracked text file, or null outside a git work tree, such as in an unpacked archive; the reason is printed. */
export function trackedFiles(): SourceFile[] | null {
  try {
    const listed = execFileSync('git', ['ls-files', '-z'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed
      .toString()
      .split('\0')
      .filter(isPresentText)
      .map((path) => ({ path, text: readRepositoryFile(path) }));
  } catch {
    process.stdout.write('skipped: not a git work tree, so no list of tracked files\n');
    return null;
  }
}

/** A file may be listed and just deleted. NUL marks what is no text. */
function isPresentText(path: string): boolean {
  try {
    return path !== '' && !readRepositoryFile(path).includes('\0');
  } catch {
    return false;
  }
}

/** One alternative a kind of token; only comments are taken out, so that `'http://x'` stays whole. */
const STRING_OR_COMMENT =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (token) =>
    token.startsWith('//') || token.startsWith('/*') ? token.replace(/[^\n]/g, '') : token,
  );
}
