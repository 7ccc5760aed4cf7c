/** `countersign serve`: runs the gateway until it is told to stop. */

import { demoCurl, makeMissingSecrets } from '../app/demo.ts';
import { SeedError } from '../app/token-store.ts';
import { runWorker } from '../app/worker.ts';
import { isWorkerProcess } from '../app/worker-process.ts';
import { type App, type AppOptions, ConfigurationError, startApp } from '../app.ts';
import { type CliIo, type Command, EXIT } from './command.ts';
import { CONFIG_OPTION, configPath } from './options.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary:
    'Run the gateway. SIGHUP reloads the configuration, SIGTERM finishes running requests and stops, a second one stops at once.',
  arguments: '[FILE]',
  options: {
    ...CONFIG_OPTION,
    demo: {
      type: 'boolean',
      help: 'For a first look: make the secret files that realms name and that are missing, and print a curl line with a token.',
    },
  },
  example: 'countersign serve --config /etc/countersign/countersign.yaml',
  run: async (input, io) => {
    if (isWorkerProcess(io.env)) return await runWorker();
    const options = { configPath: configPath(input), environment: io.env };
    if (input.flag('demo'))
      for (const file of makeMissingSecrets(options.configPath, io.env)) io.err(`made the secret ${file}\n`);
    // Signals are listened to from the first moment: one that comes during the start must not end the process.
    const stopped = io.untilStopped();
    const starting = start(options, io);
    io.onReload(() => void starting.then((app) => app?.reload(), ignore));
    const app = await starting;
    if (app === null) return EXIT.config;
    if (input.flag('demo')) await printDemo(app, options, io);
    const cause = await stopped;
    const defect = cause instanceof Error ? cause : undefined;
    await app.stop(defect);
    return defect === undefined ? EXIT.ok : EXIT.failed;
  },
};

/** Whoever awaits the start reports its failure. */
function ignore(): void {}

async function start(options: AppOptions, io: CliIo): Promise<App | null> {
  try {
    return await startApp(options);
  } catch (error) {
    if (!(error instanceof ConfigurationError || error instanceof SeedError)) throw error;
    io.err(`${error.message}\n`);
    return null;
  }
}

async function printDemo(app: App, { configPath: path, environment }: AppOptions, io: CliIo): Promise<void> {
  const curl = await demoCurl(path, environment, app.origins.proxy);
  if (curl !== null)
    io.err(
      `\nTry it (the token is good for an hour); the answer shows what a backend would receive:\n\n${curl}\n\n`,
    );
}
