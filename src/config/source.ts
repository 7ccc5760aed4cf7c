/** Positions in the text of a configuration file, and excerpts of it that show no secret. */
import { LineCounter } from 'yaml';
import { type ConfigIssue, type ConfigPath, formatPath } from './issue.ts';

/** Longer lines are cut: a terminal shows the rest nowhere useful. */
const EXCERPT_CHARACTERS_MAX = 160;

export interface ConfigFile {
  /** As given on the command line; paths inside the file are relative to its folder. */
  readonly path: string;
  readonly text: string;
}

export interface Source {
  readonly lineCounter: LineCounter;
  /** Where every key is one that the schema knows. `offset` in UTF-16 code units. */
  issueAt(offset: number, path: ConfigPath, message: string): ConfigIssue;
  /** Where the text is not what the schema, or YAML (no path), wants: a secret may stand anywhere. */
  mistakeAt(offset: number, path: ConfigPath, message: string): ConfigIssue;
  lineAt(offset: number): number;
}

export function createSource(file: ConfigFile): Source {
  const lineCounter = new LineCounter();
  const lines = file.text.split('\n');
  for (let offset = 0, index = 0; index < lines.length; index += 1) {
    lineCounter.addNewLine(offset);
    offset += (lines[index]?.length ?? 0) + 1;
  }
  const issueOf = (isShown: ShowLine) => (offset: number, path: ConfigPath, message: string) => {
    const { line, col } = lineCounter.linePos(Math.min(offset, file.text.length));
    const text = (lines[line - 1] ?? '').slice(0, EXCERPT_CHARACTERS_MAX).trimEnd();
    const excerpt = isShown(lines, line - 1, path) ? maskSecrets(text) : '';
    return { file: file.path, line, column: col, path: formatPath(path), message, excerpt };
  };
  return {
    lineCounter,
    issueAt: issueOf(() => true),
    mistakeAt: issueOf(holdsNoSecret),
    lineAt: (offset) => lineCounter.linePos(offset).line,
  };
}

/** Blocks in which a value may be a secret whatever its key is called: the key may be the mistake. */
const SECRET_BLOCKS: ReadonlySet<string | number> = new Set(['signingKey', 'secrets']);
const SECRET_BLOCK = /\b(?:signing_?key|\w*secrets?|\w*password|pem\w*)["']?\s*:/i;
const KEY_AT_START = /^\s*(?:- +)*(?:\{ *)?["']?[\w-]+["']?\s*:(?:\s|$)/;

type ShowLine = (lines: readonly string[], index: number, path: ConfigPath) => boolean;

/**
 * False for a line that could be part of a secret: in a secret block, and where not even the syntax is understood (no
 * path) also below one, and where the line has no key: it may continue another one.
 */
const holdsNoSecret: ShowLine = (lines, index, path) => {
  if (path.length > 0) return !path.some((part) => SECRET_BLOCKS.has(part));
  return KEY_AT_START.test(lines[index] ?? '') && !isInSecretBlock(lines, index);
};

/** By indentation, list markers included: the block has a line above that begins further left. */
function isInSecretBlock(lines: readonly string[], index: number): boolean {
  let indentation = Infinity;
  for (const line of lines.slice(0, index + 1).reverse()) {
    const own = line.search(/[^\s-]/);
    if (own === -1 || own >= indentation) continue;
    if (SECRET_BLOCK.test(line)) return true;
    if (own === 0) return false;
    indentation = own;
  }
  return false;
}

/** Keys whose values are secrets; `k`, `d` and the others of one or two letters are the secret members of a JWK. */
const SECRET_KEY =
  /["']?\b(?:(?:masterKey|key|k|d|p|q|dp|dq|qi)["']?\s*:\s+|(?!allowWeak)(?:\w*secret|secretBase64|\w*password)["']?\s*:\s*|signing_?key["']?\s*:\s+(?!\{))/i;
/** A password before the host of a URL, and a key pasted where its file should be named. */
const SECRET_TEXT = /(?<=:\/\/)[^/\s"']*(?=@)|-----BEGIN.*/g;
/** `"${NAME}"` and `{ file: …`: they only say where the secret is. */
const SECRET_ELSEWHERE = /^(?:(["']?)\$\{[A-Za-z_]\w*\}\1(?=\s*(?:[,}#]|$))|\{\s*["']?file["']?\s*:)/;
const WHOLE_QUOTED = /^(?:"(?:[^"\\]|\\.)*"|'[^']*')(?=\s*(?:[,}#]|$))/;

/** Masked at the same length, so that carets still point at their place. In doubt up to the end of the line. */
export function maskSecrets(line: string): string {
  return maskValues(
    line.replace(SECRET_TEXT, (text) => '*'.repeat(text.length)),
    false,
  );
}

/** `isInBraces`: what stands before it. */
function maskValues(line: string, isInBraces: boolean): string {
  const key = SECRET_KEY.exec(line);
  if (key === null) return line;
  const start = key.index + key[0].length;
  const isInside = isInBraces || line.slice(0, start).includes('{');
  const end = start + secretLength(line.slice(start), isInside);
  return line.slice(0, start) + '*'.repeat(end - start) + maskValues(line.slice(end), isInside);
}

function secretLength(text: string, isInBraces: boolean): number {
  if (SECRET_ELSEWHERE.test(text)) return 0;
  const quoted = WHOLE_QUOTED.exec(text);
  if (quoted !== null) return quoted[0].length;
  const isPlain = /^[^"'{[]/.test(text);
  return isPlain && isInBraces ? text.search(/\s*(?:[,}]|$)/) : text.length;
}
