/** nst/JSONTestSuite against the strict parser: y_ accepted, n_ refused, i_ by our documented rules. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, parseStrictJson } from '../../src/jwt/strict-json.ts';
import { refusalOf } from '../support/policy.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/vectors/JSONTestSuite/test_parsing');
const isInstalled = existsSync(FOLDER);
if (!isInstalled) process.stdout.write('skipped: JSONTestSuite is not installed beside the repository\n');
const files = isInstalled ? readdirSync(FOLDER).filter((name) => name.endsWith('.json')) : [];

/** Valid by RFC 8259, refused here. */
const STRICTER: ReadonlyMap<string, string> = new Map([
  ['y_object_duplicated_key.json', 'duplicate names (RFC 7515 §4, RFC 7519 §4)'],
  ['y_object_duplicated_key_and_value.json', 'duplicate names (RFC 7515 §4, RFC 7519 §4)'],
  ['y_number.json', 'an integer beyond 2^53−1, written with an exponent (RFC 8259 §6)'],
  ['y_number_real_capital_e.json', 'an integer beyond 2^53−1, written with an exponent (RFC 8259 §6)'],
  ['y_number_real_exponent.json', 'an integer beyond 2^53−1, written with an exponent (RFC 8259 §6)'],
  [
    'y_number_real_fraction_exponent.json',
    'an integer beyond 2^53−1, written with an exponent (RFC 8259 §6)',
  ],
  ['y_object_extreme_numbers.json', 'an integer beyond 2^53−1, written with an exponent (RFC 8259 §6)'],
]);

/** Left open by RFC 8259, accepted here: a fraction that rounds to zero is no integer that changes. */
const OPEN_BUT_ACCEPTED = new Set(['i_number_double_huge_neg_exp.json', 'i_number_real_underflow.json']);

function expected(name: string): 'accepted' | 'malformed' {
  if (name.startsWith('y_')) return STRICTER.has(name) ? 'malformed' : 'accepted';
  return OPEN_BUT_ACCEPTED.has(name) ? 'accepted' : 'malformed';
}

describe.skipIf(!isInstalled)('parseStrictJson, JSONTestSuite', () => {
  it.each(files)('J13 judges %s by rule', (name) => {
    const bytes = readFileSync(join(FOLDER, name));
    const verdict = refusalOf(() => parseStrictJson(decodeUtf8(bytes))) ?? 'accepted';
    expect(verdict).toBe(expected(name));
  });

  it('ran the whole suite', () => {
    expect(files.length).toBe(318);
  });
});
