/** Text that a command is given as a file, or on standard input. */
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileCause } from '../app/ports.ts';
import type { CliIo } from './command.ts';

/** In place of a file name or a value: standard input. */
export const STANDARD_INPUT = '-';

/**
 * UTF-8, without its byte order mark.
 *
 * @throws Error where it cannot be read, is no UTF-8, or is longer
 */
export async function readInput(path: string, bytesMax: number, io: CliIo): Promise<string> {
  const isStandard = path === STANDARD_INPUT;
  const bytes = isStandard
    ? await io.input(bytesMax + 1)
    : readFile(resolve(io.cwd, path), path, bytesMax + 1);
  const name = isStandard ? 'standard input' : path;
  if (bytes.length > bytesMax) throw new Error(`${name} is longer than ${bytesMax} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${name} is not UTF-8`, { cause });
  }
}

/** At most so many bytes, whatever the size of the file says: devices have none. */
function readFile(absolutePath: string, path: string, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(bytesMax);
  let length = 0;
  try {
    const file = openSync(absolutePath, 'r');
    try {
      for (let read = -1; read !== 0 && length < bytesMax; length += read)
        read = readSync(file, bytes, length, bytesMax - length, null);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${fileCause(cause)}`, { cause });
  }
  return bytes.subarray(0, length);
}
