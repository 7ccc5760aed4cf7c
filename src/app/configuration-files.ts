/** Where the files of a configuration come from: the disk, or another process that has read them. */
import { isReadableByOthers, readFile } from './ports.ts';

/** The configuration file and every file that it names, by absolute path or as given on the command line. */
export type FileContents = ReadonlyMap<string, Uint8Array>;

export interface ConfigurationFiles {
  /** @throws Error where the file cannot be read */
  read(path: string): Uint8Array;
  /** True where other users of the machine may read the file. */
  isReadableByOthers(path: string): boolean;
}

export const diskFiles: ConfigurationFiles = { read: readFile, isReadableByOthers };

/** Files on the disk. `onRead` is told of each just before it is read, `onContent` of what was read. */
export function watchedFiles(
  onRead: (path: string) => void,
  onContent: (path: string, content: Uint8Array) => void,
): ConfigurationFiles {
  return {
    isReadableByOthers,
    read: (path) => {
      onRead(path);
      const content = readFile(path);
      onContent(path, content);
      return content;
    },
  };
}

/** Files that another process has read: what it has checked is what is used, whatever the disk says by now. */
export function handedFiles(contents: FileContents): ConfigurationFiles {
  return {
    // Whoever has read them has warned.
    isReadableByOthers: () => false,
    read: (path) => {
      const content = contents.get(path);
      if (content === undefined) throw new Error('it was not handed over');
      return content;
    },
  };
}
