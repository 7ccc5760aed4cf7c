/** Writes the generated references; with `--check` fails where one of them is not up to date, and says which. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricsReference } from '../src/telemetry/metric-table.ts';
import { cliMarkdown } from './reference/cli.ts';
import { configurationMarkdown, configurationSchema } from './reference/configuration.ts';
import { errorsMarkdown } from './reference/errors.ts';
import { GENERATED } from './reference/markdown.ts';
import { openApiJson } from './reference/openapi.ts';

/** Path in the repository, and what it must hold. A new reference is one more line. */
const REFERENCES: readonly (readonly [path: string, render: () => string])[] = [
  ['config/countersign.schema.json', configurationSchema],
  ['docs/cli.md', cliMarkdown],
  ['docs/configuration.md', configurationMarkdown],
  ['docs/errors.md', errorsMarkdown],
  ['docs/metrics.md', () => `${GENERATED}\n\n${metricsReference()}`],
  ['docs/openapi.json', openApiJson],
];

const root = join(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');
const outdated = REFERENCES.filter(([path, render]) => textOf(path) !== render());
for (const [path, render] of outdated) {
  if (isCheck) console.error(`${path} is not up to date: run npm run docs`);
  else writeFileSync(join(root, path), render());
}
if (isCheck && outdated.length > 0) process.exitCode = 1;

function textOf(path: string): string | null {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return null;
  }
}
