/** Byte sizes as people write them. */

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** `512B`, `16KiB`, `1MiB` or `2GiB` to bytes; undefined when the text is none of these. */
export function parseSizeBytes(text: string): number | undefined {
  const parts = /^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(text);
  const unitBytes = UNIT_BYTES.get(parts?.[2] ?? '');
  return parts === null || unitBytes === undefined ? undefined : Number(parts[1]) * unitBytes;
}
