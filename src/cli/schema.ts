/** `countersign schema`: the configuration's JSON Schema, for editors. */
import { configJsonSchema } from '../config/schema.ts';
import { type Command, EXIT } from './command.ts';

export const schemaCommand: Command = {
  name: 'schema',
  summary: 'Print the JSON Schema of the configuration, for completion in editors.',
  options: {},
  example: 'countersign schema > countersign.schema.json',
  run: (_input, io) => {
    io.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return Promise.resolve(EXIT.ok);
  },
};
