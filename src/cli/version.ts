/** `countersign version`. */
import { VERSION } from '../app/version.ts';
import { type Command, EXIT } from './command.ts';

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version of countersign and of Node.',
  options: {},
  example: 'countersign version',
  run: (_input, io) => {
    io.out(`countersign ${VERSION} (Node ${process.versions.node})\n`);
    return Promise.resolve(EXIT.ok);
  },
};
