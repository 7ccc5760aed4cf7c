/** The members of one block of a foreign file, each taken at most once: what is left over is what nobody understood. */

export class Members {
  /** Where the block stands in the file. */
  readonly path: string;
  readonly #separator: string;
  readonly #entries: [name: string, value: unknown][];

  /** `separator` stands between the parts of a path, as the format of the file writes them. */
  constructor(entries: Iterable<readonly [string, unknown]>, path: string, separator: string) {
    this.path = path;
    this.#separator = separator;
    this.#entries = [...entries].map(([name, value]) => [name, value]);
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}${this.#separator}${name}`;
  }

  /** The first member of one of these names; undefined where there is none. */
  take(...names: readonly string[]): unknown {
    return this.#takeIf(names, () => true);
  }

  /** A text, number or boolean as text. Undefined where there is none; what is something else is not taken. */
  takeText(...names: readonly string[]): string | undefined {
    const value = this.#takeIf(names, isScalar);
    return value === undefined ? undefined : String(value).trim();
  }

  /** As Java's Boolean.parseBoolean reads it: whatever is not `true` is false. Undefined where nothing stands there. */
  takeFlag(...names: readonly string[]): boolean | undefined {
    const text = this.takeText(...names);
    return text === undefined ? undefined : text.toLowerCase() === 'true';
  }

  /** The block of that name; an empty one where there is none. */
  takeBlock(name: string): Members {
    const value = this.#takeIf([name], isBlock);
    return new Members(isBlock(value) ? Object.entries(value) : [], this.pathOf(name), this.#separator);
  }

  /** Paths of what was not taken. */
  untaken(): string[] {
    return this.#entries.map(([name]) => this.pathOf(name));
  }

  #takeIf(names: readonly string[], isWanted: (value: unknown) => boolean): unknown {
    const wanted = names.map(fold);
    const index = this.#entries.findIndex(([name, value]) => wanted.includes(fold(name)) && isWanted(value));
    return index === -1 ? undefined : this.#entries.splice(index, 1)[0]?.[1];
  }
}

/** `groupsKey`, `groups_key` and `Groups Key` are one name: forms, files and interfaces spell them differently. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

export function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
