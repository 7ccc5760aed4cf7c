/** What the gateway costs is on record, and the gate keeps the bench working that measured it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRepositoryFile } from '../support/sources.ts';

const RESULTS = 'bench/results';
const newest = readdirSync(join(import.meta.dirname, '../..', RESULTS))
  .filter((name) => /^\d{4}-\d{2}-\d{2}\.md$/.test(name))
  .toSorted()
  .at(-1);

/** The cells of the first table below the heading, by proxy. */
function figures(text: string, heading: string): Map<string, string[]> {
  const section = text.slice(text.indexOf(`## ${heading}`)).split('\n## ', 1)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return new Map(
    rows.map((row) => {
      const cells = row.split('|').map((cell) => cell.trim());
      return [cells[1] ?? '', cells.slice(2)] as const;
    }),
  );
}

describe('the newest result of the bench', () => {
  const text = readRepositoryFile(`${RESULTS}/${newest}`);

  it('names the machine, the versions, the command and the commit (GW-C15)', () => {
    expect(text).toMatch(/^- Machine: \S.*, \d+ cores, \d+ GiB, /m);
    expect(text).toMatch(/^- Node \d+\.\d+\.\d+; countersign /m);
    expect(text).toMatch(/^- Command: `npm run bench -- .*`, at commit [0-9a-f]{7}/m);
  });

  it.each(['countersign', 'http-proxy'])(
    'has throughput and p99 of %s on a warm cache: verifying and signing beside forwarding alone (GW-C15)',
    (proxy) => {
      const cells = figures(text, 'One token').get(proxy);
      const [, perSecond = '', p99 = ''] = cells ?? [];
      expect(Number(perSecond.split(' ')[0])).toBeGreaterThan(0);
      expect(Number(p99)).toBeGreaterThan(0);
    },
  );
});

describe('the gate', () => {
  const gate = readRepositoryFile('.ci/run');

  it('runs the bench in short, after its proxies were fetched (GW-C15)', () => {
    expect(gate).toMatch(/^bash bench\/install\.sh$[\s\S]*^npm run bench -- --short$/m);
  });
});
