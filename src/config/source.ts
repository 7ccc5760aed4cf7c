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

/** Keys whose values are secrets, `k` and `d` being the secret members of a JWK (RFC 7518 §6). */
const SECRET_KEY = /(["']?\b(?:secret|secretBase64|password|masterKey|key|k|d|p|q|dp|dq|qi)["']?\s*:\s*)/;
const SECRET = new RegExp(`${SECRET_KEY.source}("(?:[^"\\\\]|\\\\.)*"?|'[^']*'?|[^\\s{\\["'].*)`, 'g');
const REFERENCE_ONLY = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?(?:\s|[,}\]]|$)/;

/** Masked at the same length, so that carets still point at their place. */
export function maskSecrets(line: string): string {
  return line.replace(SECRET, (found: string, key: string, value: string, offset: number) => {
    if (REFERENCE_ONLY.test(value)) return found;
    const isPlainInBraces = /^[^"']/.test(value) && line.lastIndexOf('{', offset) !== -1;
    const end = isPlainInBraces ? value.search(/[,}]|$/) : value.length;
    return key + '*'.repeat(end) + maskSecrets(value.slice(end));
  });
}
