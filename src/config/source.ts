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
  /** `offset` in UTF-16 code units. */
  issueAt(offset: number, path: ConfigPath, message: string): ConfigIssue;
  lineAt(offset: number): number;
}

export function createSource(file: ConfigFile): Source {
  const lineCounter = new LineCounter();
  const lines = file.text.split('\n');
  for (let offset = 0, index = 0; index < lines.length; index += 1) {
    lineCounter.addNewLine(offset);
    offset += (lines[index]?.length ?? 0) + 1;
  }
  const issueAt = (offset: number, path: ConfigPath, message: string): ConfigIssue => {
    const { line, col } = lineCounter.linePos(Math.min(offset, file.text.length));
    const excerpt = maskSecrets((lines[line - 1] ?? '').slice(0, EXCERPT_CHARACTERS_MAX).trimEnd());
    return { file: file.path, line, column: col, path: formatPath(path), message, excerpt };
  };
  return { lineCounter, issueAt, lineAt: (offset) => lineCounter.linePos(offset).line };
}

/** Keys whose values are secrets; `k`, `d` and the others of one or two letters are the secret members of a JWK. */
const SECRET_KEY = /["']?\b(?:secret|secretBase64|password|masterKey|key|k|d|p|q|dp|dq|qi)["']?\s*:\s+/;
/** `"${NAME}"` and `{ file: …`: they only say where the secret is. */
const SECRET_ELSEWHERE = /^(?:(["']?)\$\{[A-Za-z_]\w*\}\1(?=\s*(?:[,}#]|$))|\{\s*["']?file["']?\s*:)/;
const WHOLE_QUOTED = /^(?:"(?:[^"\\]|\\.)*"|'[^']*')(?=\s*(?:[,}#]|$))/;

/** Masked at the same length, so that carets still point at their place. In doubt up to the end of the line. `isInBraces`: what stands before it. */
export function maskSecrets(line: string, isInBraces = false): string {
  const key = SECRET_KEY.exec(line);
  if (key === null) return line;
  const start = key.index + key[0].length;
  const isInside = isInBraces || line.slice(0, start).includes('{');
  const end = start + secretLength(line.slice(start), isInside);
  return line.slice(0, start) + '*'.repeat(end - start) + maskSecrets(line.slice(end), isInside);
}

function secretLength(text: string, isInBraces: boolean): number {
  if (SECRET_ELSEWHERE.test(text)) return 0;
  const quoted = WHOLE_QUOTED.exec(text);
  if (quoted !== null) return quoted[0].length;
  const isPlain = /^[^"'{[]/.test(text);
  return isPlain && isInBraces ? text.search(/\s*(?:[,}]|$)/) : text.length;
}
