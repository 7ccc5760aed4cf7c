import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/main.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { runCommand } from '../support/command-line.ts';
import { testKey } from '../support/tokens.ts';

const ROOT = join(import.meta.dirname, '../..');
const ACCEPTANCE_FILE = join(ROOT, 'config/acceptance.yaml');

const ROUTES = 'routes:\n  - { name: all, match: { pathPrefix: / }, upstream: builtin:echo }\n';

const ENVIRONMENT = `version: 1
realms:
  - { name: fusion, issuer: "fusion", signingKey: { secret: "\${FUSION_SECRET}" } }
${ROUTES}`;

const MISTAKES = `version: 2
listeners: { proxy: { bind: "127.0.0.1:99999" } }
realms:
  - name: fusion
    isuer: fusion
    signingKey: { secret: "\${SECRET:-of-nobody}" }
    clockSkew: 60
    algorithms: [HS265]
routes:
  - name: a
    match: { pathPrefix: api }
    upstream: builtin:echo
    auth: maybe
    mode: shadw
    require: { role: { any: [admin] } }
`;

const ACTIVE = { id: 'k1', privateKeyFile: 'k1.pem', state: 'active' };
const NEXT = { id: 'k2', privateKeyFile: 'k2.pem', state: 'next' };

/** `line:column path` of each. */
const PLACES = [
  '1:10 version',
  '2:29 listeners.proxy.bind',
  '4:5 realms[0].issuer',
  '5:5 realms[0].isuer',
  '7:16 realms[0].clockSkew',
  '8:18 realms[0].algorithms[0]',
  '11:26 routes[0].match.pathPrefix',
  '13:11 routes[0].auth',
  '14:11 routes[0].mode',
  '15:16 routes[0].require.role',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  file('ec.pem', testKey('ES256').privateKey.export(pem).toString());
  for (const name of ['k1', 'k2']) {
    const key = testKey('RS256', name);
    file(`${name}.pem`, key.privateKey.export(pem).toString());
    file(`${name}.crt`, selfSignedCertificate(key));
    file('public.pem', key.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the configuration and gives its path. */
function file(name: string, yaml: string): string {
  const path = join(folder, name);
  writeFileSync(path, yaml);
  return path;
}

describe('--help', () => {
  it.each(COMMANDS.map(({ name }) => name))(
    'of %s explains every option and shows an example',
    async (name) => {
      const { code, output } = await runCommand([...name.split(' '), '--help']);
      expect(code).toBe(0);
      expect(output).toContain(`Usage: countersign ${name}`);
      expect(output).toMatch(/Example:\n {2}countersign /);
      const command = COMMANDS.find((one) => one.name === name);
      for (const option of Object.keys(command?.options ?? {})) expect(output).toContain(`--${option}`);
    },
  );

  it.each([[['--help']], [['help']], [['-h']]])('%j lists the commands', async (args) => {
    const { code, output } = await runCommand(args);
    expect(code).toBe(0);
    const lines = output.split('\n').map((line) => line.trim().split(/ {2,}/));
    for (const { name, summary } of COMMANDS) expect(lines).toContainEqual([name, summary]);
  });

  it('of a group lists its commands, and of no others', async () => {
    const { code, output } = await runCommand(['keys', '--help']);
    expect(code).toBe(0);
    expect(output).toContain('keys rotate');
    expect(output).not.toContain('serve');
  });

  it('may stand before the command', async () => {
    expect(await runCommand(['help', 'token', 'mint'])).toEqual(
      await runCommand(['token', 'mint', '--help']),
    );
  });
});

describe('usage', () => {
  it.each([
    ['no command', [], 'Usage: countersign COMMAND'],
    ['an unknown command', ['chek'], 'no command "chek" (did you mean "check"?)'],
    ['half a command', ['token'], 'token mint'],
    ['an unknown command of a group', ['keys', 'rotat'], '"keys rotat" (did you mean "keys rotate"?)'],
    ['an unknown option', ['check', '--confg', 'x'], 'no option --confg (did you mean "--config"?)'],
    ['an option without its value', ['check', '--config'], 'argument missing'],
    ['too many arguments', ['check', 'a', 'b'], 'takes [FILE]'],
    ['an argument where none is taken', ['realms', 'a'], 'takes no arguments'],
    ['two configurations', ['check', 'a', '--config', 'b'], 'name the configuration once'],
    ['a missing argument', ['explain', 'GET'], 'METHOD and URL are needed'],
    ['a missing option', ['token', 'mint', '--realm', 'a'], '--sub is required'],
    [
      'a duration that is none',
      ['token', 'mint', '--realm=a', '--sub=b', '--ttl=soon'],
      '--ttl is no duration',
    ],
    ['a claim without value', ['token', 'mint', '--realm=a', '--sub=b', '--claim=c'], 'is not NAME=VALUE'],
  ])('that has %s is answered 64 with what would do', async (_what, args, message) => {
    const { code, output } = await runCommand(args);
    expect(code).toBe(64);
    expect(output).toContain(message);
    expect(output).toContain('Usage: countersign ');
  });
});

describe('check', () => {
  it('accepts the acceptance fixtures (FJR-S01, Y05)', async () => {
    const { code, output } = await runCommand(['check', ACCEPTANCE_FILE]);
    expect(code).toBe(0);
    expect(output).toContain('acceptance.yaml: ok, 3 realms, 3 routes');
  });

  it('fails on warnings where it is told to be strict', async () => {
    expect((await runCommand(['check', '--strict', ACCEPTANCE_FILE])).code).toBe(1);
  });

  it('prints every mistake with its place and what was meant (GW-C01, Y05)', async () => {
    const path = file('mistakes.yaml', MISTAKES);
    const { code, output } = await runCommand(['check', path]);
    expect(code).toBe(1);
    const places = [...output.matchAll(/mistakes\.yaml:(\d+:\d+): (\S+): /g)];
    expect(places.map(([, place, what]) => `${place} ${what}`)).toEqual(PLACES);
    expect(output).toContain('realms[0].isuer: unknown key (did you mean "issuer"?)');
    expect(output).toContain(`${path}: 10 problems`);
  });

  it('fills in the environment, and says which variable is missing (GW-C01)', async () => {
    const path = file('environment.yaml', ENVIRONMENT);
    const missing = await runCommand(['check', path]);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.output).toContain(
      `${path}:3:61: realms[0].signingKey.secret: the environment variable FUSION_SECRET`,
    );
    const given = await runCommand(['check', path], { FUSION_SECRET: 'x'.repeat(32) });
    expect(given.code).toBe(0);
    expect(given.output).not.toContain('x'.repeat(32));
  });

  it('says which variable is missing beside what is wrong with other files and keys (GW-C01)', async () => {
    const key = `tokenService: { keys: [{ id: ${randomUUID()}, name: weak, secret: weak }] }\n`;
    const path = file('environment-and-more.yaml', ENVIRONMENT + key);
    const { code, output } = await runCommand(['check', path]);
    expect(code).toBe(1);
    expect(output).toContain('the environment variable FUSION_SECRET is not set');
    expect(output).toContain('tokenService.keys[0]: ');
    expect(output).toContain(`${path}: 2 problems`);
  });

  it.each([
    ['[0]: Key k1 is no private key in PEM', [{ id: 'k1', privateKeyFile: 'public.pem' }]],
    ['[1]: Certificate of key k2 belongs to another key', [ACTIVE, { ...NEXT, certificateFile: 'k1.crt' }]],
    [': No active key for RS256', [{ ...ACTIVE, privateKeyFile: 'ec.pem' }]],
    [': Keys k1 and k2 are both active for RS256', [ACTIVE, { ...NEXT, state: 'active' }]],
  ])('says of keys that cannot sign: assertion.keys%s', async (message, keys) => {
    const head = `version: 1\nrealms: [{ name: a, issuer: a, signingKey: { secret: ${'a'.repeat(32)} } }]\n`;
    const path = file('signing.yaml', `${head}assertion: { keys: ${JSON.stringify(keys)} }\n${ROUTES}`);
    const { code, output } = await runCommand(['check', path]);
    expect(code).toBe(1);
    expect(output).toMatch(/signing\.yaml:3:\d+: /);
    expect(output).toContain(`assertion.keys${message}`);
    expect((await runCommand(['serve', '--config', path])).code).toBe(78);
  });

  it('names a lambda that is no program, at its place, and serve does not start with it (GW-C01)', async () => {
    const lambda = (name: string, body: string) => ({ id: randomUUID(), name, type: 'JWTPopulate', body });
    const items = [lambda('good', 'function populate() {}'), lambda('bad', 'function populate( {')];
    const head =
      'version: 1\nroutes: [{ name: a, match: { pathPrefix: / }, upstream: builtin:echo, auth: none }]\n';
    const path = file(
      'lambda.yaml',
      `${head}tokenService: { lambdas: { items: ${JSON.stringify(items)} } }\n`,
    );
    const { code, output } = await runCommand(['check', path]);
    expect(code).toBe(1);
    expect(output).toMatch(/lambda\.yaml:3:\d+: tokenService\.lambdas\.items\[1\]\.body: SyntaxError: /);
    expect(output).toContain(`${path}: 1 problem`);
    expect((await runCommand(['serve', '--config', path])).code).toBe(78);
  });

  it('refuses a file that is no UTF-8: its names would be others than they look', async () => {
    const path = join(folder, 'latin1.yaml');
    writeFileSync(path, Buffer.from(ENVIRONMENT.replace('fusion', 'm\xe9'), 'latin1'));
    const { code, output } = await runCommand(['check', path], { FUSION_SECRET: 'x'.repeat(32) });
    expect(code).toBe(1);
    expect(output).toContain('latin1.yaml:1:1: cannot be read: it is no UTF-8 text');
  });

  it('names both key options for a realm that has none (FJR-S25)', async () => {
    const path = file('keyless.yaml', `version: 1\nrealms:\n  - { name: a, issuer: a }\n${ROUTES}`);
    const { code, output } = await runCommand(['check', path]);
    expect(code).toBe(1);
    expect(output).toMatch(/keyless\.yaml:3:5: realms\[0\]: needs jwksUri or signingKey/);
  });

  it.each(['check', 'serve', 'realms', 'routes', 'keys list'])(
    '%s says in words that a file is missing',
    async (name) => {
      const args = [...name.split(' '), '--config', join(folder, 'nowhere.yaml')];
      const { code, output } = await runCommand(args);
      expect(code).toBe(name === 'serve' ? 78 : 1);
      expect(output).toContain('nowhere.yaml:1:1: cannot be read: there is no such file');
    },
  );
});

describe('realms', () => {
  it('lists name, type and issuer (FJR-S01)', async () => {
    const { code, output } = await runCommand(['realms', '--config', ACCEPTANCE_FILE]);
    expect(code).toBe(0);
    expect(output).toMatch(/^fusion {2}jwt {2}issuer=fusion /m);
    expect(output).toMatch(/^corp .* keys=http:\/\/127\.0\.0\.1:9100\/jwks\.json .*algorithms=RS256,ES256/m);
    expect(output).toMatch(/^open .* keys=none \(unsigned\)/m);
    expect(output).not.toContain('fusion-secret');
  });
});

describe('routes', () => {
  it('lists what is matched, required and minted, and where it leads', async () => {
    const { code, output } = await runCommand(['routes', '--config', ACCEPTANCE_FILE]);
    expect(code).toBe(0);
    expect(output).toMatch(
      /^roles +\*\/api\/roles +any method +auth=required .* require=role admin +assertion=X-JWT-Assertion .*-> echo$/m,
    );
    expect(output).toMatch(/^public .* auth=optional /m);
  });
});

describe('schema', () => {
  it('is the JSON Schema of the repository', async () => {
    const { code, output } = await runCommand(['schema']);
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual(
      JSON.parse(readFileSync(join(ROOT, 'config/countersign.schema.json'), 'utf8')),
    );
  });
});

describe('the process', () => {
  it('ends without a word when its reader has seen enough: countersign schema | head', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'src/main.ts'), 'schema'], { stdio: 'pipe' });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('version', () => {
  it.each(['version', '--version', '-v'])('%s names the package and the Node it runs on', async (arg) => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { code, output } = await runCommand([arg]);
    expect(code).toBe(0);
    expect(output).toBe(`countersign ${version} (Node ${process.versions.node})\n`);
  });
});
