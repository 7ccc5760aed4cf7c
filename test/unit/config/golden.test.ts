/**
 * Golden files: a configuration, a line of dashes, and what countersign says about it. The first line says what is
 * proven. UPDATE_GOLDEN=1 writes the second half anew; read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIssues } from '../../../src/config/issue.ts';
import { CERT } from '../../support/certificates.ts';
import { CONFIG_FOLDER, readConfig, type TestConfigOptions } from '../../support/config.ts';

const FOLDER = join(import.meta.dirname, '../../golden/config');
const SEPARATOR = '\n----------\n';

/** The world in which golden files are read. */
const WORLD: TestConfigOptions = {
  environment: { SECRET: 'a-secret-that-is-long-enough-for-hs256', SHORT: 'fusion-secret', EMPTY: '' },
  files: {
    [`${CONFIG_FOLDER}/empty.txt`]: '\n',
    [`${CONFIG_FOLDER}/secret.txt`]: 'a-secret-that-is-long-enough-for-hs256\n',
    [`${CONFIG_FOLDER}/readable-by-all.txt`]: 'another-secret-that-is-long-enough-for-hs256\n',
    [`${CONFIG_FOLDER}/key.pem`]: 'a private key',
    [`${CONFIG_FOLDER}/public.pem`]: 'a public key',
    [`${CONFIG_FOLDER}/certificate.pem`]: CERT,
  },
  readableByOthers: [`${CONFIG_FOLDER}/readable-by-all.txt`],
};

function verdictOn(name: string, text: string): string {
  const result = readConfig(text, { ...WORLD, name });
  return 'issues' in result
    ? formatIssues(result.issues)
    : `valid, with warnings:\n${formatIssues(result.compiled.warnings)}`;
}

describe('configuration mistakes (GW-C01)', () => {
  for (const name of readdirSync(FOLDER)) {
    const [input = '', expected = ''] = readFileSync(join(FOLDER, name), 'utf8').split(SEPARATOR);
    const title = /^# (.*)/.exec(input)?.[1] ?? name;
    it(`${name}: ${title}`, () => {
      const verdict = verdictOn(name, `${input}\n`);
      if (process.env['UPDATE_GOLDEN'] === '1')
        writeFileSync(join(FOLDER, name), `${input}${SEPARATOR}${verdict}\n`);
      else expect(verdict).toBe(expected.trimEnd());
    });
  }

  it('covers at least ten prepared mistakes', () => {
    expect(readdirSync(FOLDER).length).toBeGreaterThanOrEqual(10);
  });
});
