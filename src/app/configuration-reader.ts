/** Reads the configuration again and again, and remembers which files it was made of. */
import type { AttributeLookup } from '../claims/store.ts';
import type { Clock } from '../core/time.ts';
import { type ConfigurationResult, type Environment, readConfiguration } from './configuration.ts';
import { type FileContents, watchedFiles } from './configuration-files.ts';
import { createSources, type Sources } from './watch.ts';

export interface ConfigurationReader {
  read(): Promise<ConfigurationResult>;
  /** What the last `read` has read. */
  readonly contents: FileContents;
  /** For watching. */
  readonly sources: Sources;
}

export function createConfigurationReader(
  path: string,
  environment: Environment,
  clock: Clock,
  lookup: AttributeLookup,
): ConfigurationReader {
  const sources = createSources();
  let contents = new Map<string, Uint8Array>();
  return {
    sources,
    get contents() {
      return contents;
    },
    read: () => {
      sources.restart();
      const reading = new Map<string, Uint8Array>();
      contents = reading;
      const files = watchedFiles(sources.note, (file, content) => void reading.set(file, content));
      return readConfiguration(path, environment, clock, files, lookup);
    },
  };
}
