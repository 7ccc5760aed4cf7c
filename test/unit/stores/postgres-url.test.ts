import { describe, expect, it } from 'vitest';
import { parsePostgresUrl } from '../../../src/stores/postgres/url.ts';

describe('parsePostgresUrl()', () => {
  it('reads every part, percent-encoded or not', () => {
    expect(parsePostgresUrl('postgres://us%40er:p%2Fss@db.example:6432/name')).toEqual({
      host: 'db.example',
      port: 6432,
      user: 'us@er',
      password: 'p/ss',
      database: 'name',
      ssl: {},
    });
  });

  it.each([
    ['postgresql://u@[2001:db8::1]/d', { host: '2001:db8::1', port: 5432, password: undefined }],
    ['postgres://u:p@/d?host=/run/postgresql', { host: '/run/postgresql', database: 'd' }],
    [
      'postgres:///d?host=/run/postgresql&user=u&port=5433',
      { host: '/run/postgresql', user: 'u', port: 5433 },
    ],
    ['postgres://u@%2Frun%2Fpostgresql/d', { host: '/run/postgresql' }],
    ['postgres://u@h', { database: 'u' }],
  ])('reads %s', (url, parts) => {
    expect(parsePostgresUrl(url)).toMatchObject(parts);
  });

  it.each(['db.example', '10.0.0.1', '[2001:db8::1]', '128.0.0.1', 'localhost.example', '127.0.0.1.example'])(
    'verifies the server %s unless told otherwise',
    (host) => {
      expect(parsePostgresUrl(`postgres://u@${host}/d`).ssl).toEqual({});
      expect(parsePostgresUrl(`postgres://u@${host}/d?sslmode=disable`).ssl).toBe(false);
    },
  );

  it.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', '%2Frun%2Fpostgresql'])(
    'needs no TLS to %s, which leaves no machine, and does it when told',
    (host) => {
      expect(parsePostgresUrl(`postgres://u@${host}/d`).ssl).toBe(false);
      expect(parsePostgresUrl(`postgres://u@${host}/d?sslmode=verify-full`).ssl).toEqual({});
    },
  );

  it.each(['require', 'verify-ca', 'verify-full'])('verifies in full with sslmode=%s', (mode) => {
    expect(parsePostgresUrl(`postgres://u@db.example/d?sslmode=${mode}`).ssl).toEqual({});
  });

  it.each(['prefer', 'allow', 'no-verify', 'VERIFY-FULL', ''])('refuses sslmode=%s', (mode) => {
    expect(() => parsePostgresUrl(`postgres://u@db.example/d?sslmode=${mode}`)).toThrow(/sslmode/);
  });

  it('takes the certificates that it is pointed to', () => {
    const { ssl } = parsePostgresUrl(`postgres://u@db.example/d?sslrootcert=${import.meta.filename}`);
    expect(ssl).toMatchObject({ ca: expect.stringContaining('the certificates that it is pointed to') });
  });

  it.each([
    'hunter2',
    'mysql://u:hunter2@h/d',
    'postgres://u:hunter2@h:port/d',
    'postgres://:hunter2@h/d',
    'postgres://u:hunter2@h/d?sslmode=hunter2',
    'postgres://u:hunter2@h/d?hunter2=1',
    'http://u:hunter2@h/d',
  ])('T15 refuses what it does not understand, and shows nothing of it: %s', (url) => {
    expect(() => parsePostgresUrl(url)).toThrow(/^The PostgreSQL URL (?!.*hunter2)/);
  });
});
