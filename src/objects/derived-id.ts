/** Ids of objects that the configuration file declares without one: the same at each start. */

/** Where a UUID has its dashes, from the left. */
const DASHES = [8, 13, 18, 23];

/** The first 128 bits of a digest, written as a UUID of version 8 (RFC 9562 §5.8). `hex`: 32 digits at least. */
export function uuidFromHex(hex: string): string {
  const versioned = `${hex.slice(0, 12)}8${hex.slice(13, 16)}a${hex.slice(17, 32)}`;
  return DASHES.reduce((text, place) => `${text.slice(0, place)}-${text.slice(place)}`, versioned);
}
