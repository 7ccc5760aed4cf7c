/** A configuration file as an operator has it: checked, started, and walked by requests, before a backend and an issuer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { runCommand } from './command-line.ts';
import { type Backend, startBackend } from './gateway.ts';
import { type Idp, keySet, startIdp } from './idp.ts';

/** What is there for the running test. */
export interface Surroundings {
  readonly folder: string;
  readonly backend: Backend;
  /** Publishes the keys that were given. */
  readonly idp: Idp;
  /** Once started. */
  readonly app: App | undefined;
  /** Of its proxy listener. */
  readonly origin: string;
  /** A file that only its owner reads; gives its path. */
  write(name: string, content: string): string;
  /** Starts the gateway after `check`, whose output is returned. */
  start(configPath: string, environment: Readonly<Record<string, string>>): Promise<string>;
}

/** Call once, in the file. `jwks`: public keys of the issuer. */
export function surroundingsPerTest(jwks: readonly Record<string, unknown>[]): Surroundings {
  let folder = '';
  let backend: Backend;
  let idp: Idp;
  let app: App | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-walked-'));
    [backend, idp] = await Promise.all([startBackend(), startIdp()]);
    idp.answerJwks(keySet([...jwks]));
  });

  afterEach(async () => {
    await app?.stop();
    app = undefined;
    await Promise.all([backend.close(), idp.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    get folder() {
      return folder;
    },
    get backend() {
      return backend;
    },
    get idp() {
      return idp;
    },
    get app() {
      return app;
    },
    get origin() {
      return app?.origins.proxy ?? '';
    },
    write: (name, content) => {
      const path = join(folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    },
    start: async (configPath, environment) => {
      const { code, output } = await runCommand(['check', configPath], environment);
      expect(output).toContain(': ok, ');
      expect(code).toBe(0);
      app = await startApp({ configPath, environment, writeLog: () => {} });
      return output;
    },
  };
}
