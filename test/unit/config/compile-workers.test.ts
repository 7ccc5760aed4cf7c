import { describe, expect, it } from 'vitest';
import { compiledConfig, issuesOf, warningsOf } from '../../support/config.ts';

const ROUTES = 'routes: [{ name: home, match: { pathPrefix: / }, upstream: "builtin:echo", auth: none }]';
const yaml = (workers: string) => `version: 1\nworkers: ${workers}\n${ROUTES}`;
const about = (texts: string[]) => texts.filter((text) => text.includes('workers'));

describe('compileConfig() workers', () => {
  it('are one unless told', () => {
    expect(compiledConfig(`version: 1\n${ROUTES}`).workers).toBe(1);
  });

  it.each([
    ['1', 1],
    ['3', 3],
    ['auto', 4],
  ])('%s are %i on four processors', (written, workers) => {
    expect(compiledConfig(yaml(written), { processors: 4 }).workers).toBe(workers);
    expect(about(warningsOf(yaml(written), { processors: 4 }))).toEqual([]);
  });

  it('warns of more workers than processors', () => {
    expect(about(warningsOf(yaml('5'), { processors: 4 }))).toEqual([
      '2:10 workers: are more than the 4 processors that this process may use: they would wait for one another',
    ]);
  });

  it.each(['1', 'auto'])('does not warn of %s on one processor', (written) => {
    expect(compiledConfig(yaml(written), { processors: 1 }).workers).toBe(1);
    expect(about(warningsOf(yaml(written), { processors: 1 }))).toEqual([]);
  });

  it.each([
    ['0', 'must be at least 1'],
    ['257', 'must be at most 256'],
    ['1.5', 'is no number of workers: write auto, or 1 to 256'],
    ['"2"', 'is no number of workers: write auto, or 1 to 256'],
    ['many', 'is no number of workers: write auto, or 1 to 256'],
    ['null', 'is no number of workers: write auto, or 1 to 256'],
  ])('refuses %s (GW-C01)', (written, message) => {
    expect(issuesOf(yaml(written))).toEqual([`2:10 workers: ${message}`]);
  });
});
