import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/telemetry/log.ts';

function captured(level: 'debug' | 'info' | 'silent' = 'info') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, write: (line) => lines.push(line) }) };
}

describe('createLog', () => {
  it('writes one JSON object a line with level, time and message', () => {
    const { lines, log } = captured();
    log.warn('A realm accepts unsigned tokens', { realm: 'open' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      msg: 'A realm accepts unsigned tokens',
      realm: 'open',
    });
    expect(Date.parse(JSON.parse(lines[0]!).time)).not.toBeNaN();
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = captured('info');
    log.debug('not written');
    expect(lines).toEqual([]);
  });

  it('keeps a hostile value on its line (O02)', () => {
    const { lines, log } = captured();
    log.info('request', { path: '/a\r\n{"level":"error"}\u001b[31m"' });
    expect(lines).toHaveLength(1);
    expect([...lines[0]!.trimEnd()].every((character) => character >= ' ')).toBe(true);
    expect(JSON.parse(lines[0]!).path).toBe('/a\r\n{"level":"error"}\u001b[31m"');
  });

  it('shows a terminal nothing that it would obey (O02)', () => {
    const { lines, log } = captured();
    log.warn('odd \u009b2J', { path: '/\u202e\u2066 é \u2028'.repeat(20) });
    expect(lines.join('')).not.toMatch(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    expect(lines.join('')).toContain('é');
    expect(JSON.parse(lines.join(''))).toMatchObject({
      msg: 'odd \u009b2J',
      path: '/\u202e\u2066 é \u2028'.repeat(20),
    });
  });

  it('puts its members into every line, and lines of others through as they are', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', members: { worker: 2 }, write: (line) => lines.push(line) });
    log.info('ready');
    log.relay('{"msg":"a"}\n{"msg":"b"}\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ worker: 2, msg: 'ready' });
    expect(lines[1]).toBe('{"msg":"a"}\n{"msg":"b"}\n');
  });
});
