/** `${NAME}` and `${NAME:-default}` in strings of the configuration; `$$` stands for one `$`. */

/** The process environment, given by the composition root. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substituted {
  readonly text: string;
  /** What could not be replaced, for the operator. Names only, never values. */
  readonly problems: readonly string[];
}

/** No `$` inside: what does not close would else be searched to the end again and again. */
const REFERENCE = /\$\$|\$\{([^}$]*)\}|\$\{/g;
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

const GRAMMAR = `a reference to the environment is written \${NAME} or \${NAME:-default}; a plain $ is $$`;

/** Replaced once: a value that holds `${…}` itself stays as it is. As in POSIX, `:-` also replaces an empty value. */
export function substitute(text: string, environment: Environment): Substituted {
  if (!text.includes('$')) return { text, problems: [] };
  const problems: string[] = [];
  const replaced = text.replace(REFERENCE, (reference: string, body = '') => {
    if (reference === '$$') return '$';
    const parts = NAME_AND_DEFAULT.exec(body);
    const value = parts === null ? undefined : lookUp(parts[1] ?? '', parts[2], environment);
    if (value === undefined)
      problems.push(parts === null ? GRAMMAR : `the environment variable ${parts[1]} is not set`);
    return value ?? '';
  });
  return { text: replaced, problems: [...new Set(problems)] };
}

function lookUp(name: string, fallback: string | undefined, environment: Environment): string | undefined {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  return value === undefined || value === '' ? (fallback ?? value) : value;
}

/** True where the text is one reference without a default, and nothing else. */
export function isReference(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text);
}
