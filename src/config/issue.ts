/** What is wrong with a configuration file, and where: one shape for syntax, schema and cross checks. */

/** Keys and indices from the root of the file. */
export type ConfigPath = readonly (string | number)[];

export interface ConfigIssue {
  /** As given on the command line. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** `realms[0].signingKey`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** The source line, values of secret keys masked by `*` of the same length; empty where it could be part of a secret. */
  readonly excerpt: string;
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `routes[2].match.hosts`; keys that are no plain words are quoted: `roles.mapping["group one"]`. */
export function formatPath(path: ConfigPath): string {
  return path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return PLAIN_KEY.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
    })
    .join('')
    .replace(/^\./, '');
}

/** Nobody reads more; the rest follows from the first ones. */
export const ISSUES_MAX = 100;

/** As they stand in the file. */
export function inOrder(issues: readonly ConfigIssue[]): ConfigIssue[] {
  return [...issues].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, ISSUES_MAX);
}

/** `file:line:column: path: message`, then the source line with a caret below the place. */
export function formatIssues(issues: readonly ConfigIssue[]): string {
  return issues.map(formatIssue).join('\n');
}

/** `file:line:column: path: message`, without the source line: for logs, which are kept and copied. */
export function summarizeIssues(issues: readonly ConfigIssue[]): string {
  return issues.map(summarizeIssue).join('\n');
}

function formatIssue(issue: ConfigIssue): string {
  const summary = summarizeIssue(issue);
  if (issue.excerpt.length < issue.column) return summary;
  return `${summary}\n    ${printable(issue.excerpt)}\n    ${' '.repeat(issue.column - 1)}^`;
}

function summarizeIssue({ file, line, column, path, message }: ConfigIssue): string {
  return `${file}:${line}:${column}: ${path === '' ? message : `${path}: ${message}`}`;
}

/** Control characters would move the caret, or the reader's terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
