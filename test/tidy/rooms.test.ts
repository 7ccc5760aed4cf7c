/** The doors between the rooms of src/, as data. ARCHITECTURE.md draws the same table. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SourceFile, sourceFiles, withoutComments } from '../support/sources.ts';

interface Room {
  /** Rooms it may import, beside itself. */
  readonly rooms: readonly string[];
  /** Packages and guarded builtins it owns. */
  readonly packages?: readonly string[];
  /** May read the clock and the environment and write to the console. */
  readonly isOuter?: true;
}

const EDGE = ['core', 'http1', 'gateway', 'forward', 'objects', 'tokens', 'identity-providers', 'telemetry'];
const INNER = [
  'core',
  'objects',
  'config',
  'jwt',
  'claims',
  'tokens',
  'stores',
  'gateway',
  'identity-providers',
];

/** Foreseen, and not there yet: their doors are settled before anybody builds them. */
const FORESEEN_ROOMS: Readonly<Record<string, Room>> = {
  grpc: { rooms: EDGE, packages: ['@grpc/grpc-js'] },
  middleware: { rooms: ['core', 'gateway', 'app'] },
  backend: { rooms: ['core'], packages: ['jose'] },
};

const ROOMS: Readonly<Record<string, Room>> = {
  ...FORESEEN_ROOMS,
  core: { rooms: [] },
  telemetry: { rooms: ['core'], packages: ['pino', 'prom-client'], isOuter: true },
  objects: { rooms: ['core'], packages: ['zod'] },
  config: { rooms: ['core', 'objects'], packages: ['yaml', 'zod'] },
  jwt: { rooms: ['core'], packages: ['jose', 'lru-cache'] },
  claims: { rooms: ['core'], packages: [] },
  tokens: { rooms: ['core', 'objects'] },
  'identity-providers': {
    rooms: ['core', 'objects', 'tokens'],
    packages: ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync'],
  },
  stores: { rooms: ['core', 'objects', 'tokens'], packages: ['node:sqlite', 'pg'] },
  gateway: { rooms: ['core'] },
  http1: { rooms: ['core'] },
  forward: {
    rooms: ['core', 'http1', 'telemetry'],
    packages: ['undici', 'http-proxy', 'node:http', 'node:https'],
  },
  http: { rooms: EDGE, packages: ['node:http', 'zod'] },
  import: { rooms: ['core'], packages: ['yaml', '@rgrove/parse-xml', 'smol-toml'] },
  cli: { rooms: ['core', 'config', 'app', 'import'], isOuter: true },
  app: { rooms: [...INNER, 'telemetry', 'forward', 'http', ...Object.keys(FORESEEN_ROOMS)], isOuter: true },
  main: { rooms: ['cli'], isOuter: true },
};

/** Builtins with an owner, like packages. `node:vm` has none: it is no sandbox. */
const GUARDED_BUILTINS = ['node:http', 'node:https', 'node:http2', 'node:sqlite', 'node:vm'];

/** What only the outer rooms may touch: everything else is given a Clock, settings, a Logger. */
const OUTER_ONLY: readonly [string, RegExp][] = [
  ['reads process.env', /\bprocess\s*\.\s*env\b|\bprocess\s*\[|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/],
  [
    'reads the clock',
    /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?=[;,\n)]))|\bperformance\s*\.\s*now\b|\bhrtime\b/,
  ],
  ['writes to the console', /\bconsole\s*[.[]/],
];

const CORE_GLOBALS =
  /\b(?:process|Buffer|crypto|globalThis)\s*[.[]|\b(?:setTimeout|setInterval|setImmediate|fetch|require)\s*\(/;

/** `src/app.ts` and `src/main.ts` are rooms of one file. */
function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

const IMPORT =
  /\b(?:import|export)\b[^'"();]*?\bfrom\s*['"]([^'"]+)['"]|(?<![/\w-])import\s*['"]([^'"]+)['"]|\b(?:import|require|getBuiltinModule)\s*\(\s*['"`]([^'"`]+)['"`]/g;

function importsOf(code: string): string[] {
  return [...code.matchAll(IMPORT)].map((found) => found[1] ?? found[2] ?? found[3] ?? '');
}

function importProblem(path: string, specifier: string): string | null {
  const room = roomOf(path);
  const allowed = ROOMS[room];
  if (allowed === undefined) return `room ${room} is in no table`;
  if (specifier.startsWith('.')) return edgeProblem(path, specifier, allowed);
  if (isBuiltin(specifier)) return builtinProblem(room, specifier, allowed);
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return allowed.packages?.includes(name) ? null : `${room} does not own ${name}`;
}

function edgeProblem(path: string, specifier: string, allowed: Room): string | null {
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith('src/')) return `${specifier} leaves src`;
  const [from, to] = [roomOf(path), roomOf(target)];
  return from === to || allowed.rooms.includes(to) ? null : `${from} → ${to}`;
}

function builtinProblem(room: string, specifier: string, allowed: Room): string | null {
  const name = specifier.startsWith('node:') ? specifier : `node:${specifier}`;
  if (room === 'core') return `core imports ${name}`;
  if (!GUARDED_BUILTINS.includes(name)) return null;
  return allowed.packages?.includes(name) ? null : `${room} does not own ${name}`;
}

/** Everything that is wrong with one file. */
function problemsOf({ path, text }: SourceFile): string[] {
  const code = withoutComments(text);
  const problems = importsOf(code).flatMap((specifier) => importProblem(path, specifier) ?? []);
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) problems.push('default export');
  if (/\bexport\s+(?:(?:type\s+)?\*|\{[^}]*\}\s*from\b)/.test(code) || path.endsWith('/index.ts'))
    problems.push('barrel');
  if (!ROOMS[roomOf(path)]?.isOuter)
    problems.push(...OUTER_ONLY.filter(([, pattern]) => pattern.test(code)).map(([problem]) => problem));
  if (roomOf(path) === 'core' && CORE_GLOBALS.test(code)) problems.push('core uses a global of the runtime');
  return problems;
}

describe('the rooms test', () => {
  it.each([
    ['core → jwt', 'src/core/x.ts', "import { verify } from '../jwt/verify.ts';"],
    ['core → config', 'src/core/x.ts', "import type { Config } from '../config/schema.ts';"],
    ['core imports node:crypto', 'src/core/x.ts', "import { createHash } from 'node:crypto';"],
    ['core imports node:fs', 'src/core/x.ts', "import 'fs';"],
    ['core does not own jose', 'src/core/x.ts', "import { jwtVerify } from 'jose';"],
    ['jwt → config', 'src/jwt/x.ts', "import {\n  a,\n  b,\n} from '../config/load.ts';"],
    ['config → jwt', 'src/config/deep/x.ts', "import { a } from '../../jwt/keys.ts';"],
    ['gateway → http', 'src/gateway/x.ts', "import { send } from '../http/proxy.ts';"],
    ['gateway → jwt', 'src/gateway/x.ts', "const a = await import('../jwt/verify.ts');"],
    ['gateway → stores', 'src/gateway/x.ts', "export { a } from '../stores/sqlite.ts';"],
    ['http → grpc', 'src/http/x.ts', "import * as grpc from '../grpc/ext-authz.ts';"],
    ['grpc → http', 'src/grpc/x.ts', "import '../http/server.ts';"],
    ['http → jwt', 'src/http/x.ts', "let a: typeof import('../jwt/keyring.ts');"],
    ['forward → gateway', 'src/forward/x.ts', "import { decide } from '../gateway/decide.ts';"],
    ['app → cli', 'src/app/x.ts', "import { run } from '../cli/cli.ts';"],
    ['app → import', 'src/app/x.ts', "const a = await import('../import/fusion.ts');"],
    ['cli does not own node:http', 'src/cli/x.ts', "import { get } from 'node:http';"],
    ['cli → jwt', 'src/cli/x.ts', "import { mint } from '../jwt/mint.ts';"],
    ['main → app', 'src/main.ts', "import { app } from './app.ts';"],
    ['http does not own undici', 'src/http/x.ts', "import { Pool } from 'undici';"],
    ['http does not own lru-cache', 'src/http/x.ts', "import { LRUCache } from 'lru-cache/raw';"],
    [
      'grpc does not own @grpc/proto-loader',
      'src/grpc/x.ts',
      "import { load } from '@grpc/proto-loader/build';",
    ],
    ['app does not own pino', 'src/app.ts', "import { pino } from 'pino';"],
    ['jwt does not own node:http', 'src/jwt/x.ts', "import { get } from 'node:http';"],
    ['gateway does not own node:https', 'src/gateway/x.ts', "import { get } from 'https';"],
    ['tokens does not own node:sqlite', 'src/tokens/x.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['identity-providers does not own node:vm', 'src/identity-providers/x.ts', "import vm from 'node:vm';"],
    ['jwt does not own node:vm', 'src/jwt/x.ts', "process.getBuiltinModule('node:vm');"],
    ['jwt does not own left-pad', 'src/jwt/x.ts', "const pad = require('left-pad');"],
    ['room helpers is in no table', 'src/helpers/x.ts', "import { a } from '../core/path.ts';"],
    [
      '../../test/support/clock.ts leaves src',
      'src/jwt/x.ts',
      "import { a } from '../../test/support/clock.ts';",
    ],
    ['default export', 'src/jwt/x.ts', 'export default function verify() {}'],
    ['default export', 'src/jwt/x.ts', 'export { verify as default };'],
    ['barrel', 'src/jwt/x.ts', "export * from './verify.ts';"],
    ['barrel', 'src/jwt/x.ts', "export { verify } from './verify.ts';"],
    ['barrel', 'src/jwt/x.ts', "export type * from './verify.ts';"],
    ['barrel', 'src/jwt/index.ts', 'export const a = 1;'],
    ['reads process.env', 'src/config/x.ts', 'const home = process.env.HOME;'],
    ['reads process.env', 'src/config/x.ts', "const home = process['env'];"],
    ['reads process.env', 'src/config/x.ts', 'const { env } = process;'],
    ['reads the clock', 'src/jwt/x.ts', 'const now = Date.now();'],
    ['reads the clock', 'src/jwt/x.ts', 'const clock = Date.now;'],
    ['reads the clock', 'src/jwt/x.ts', 'const now = new Date();'],
    ['reads the clock', 'src/http/x.ts', 'const start = performance.now();'],
    ['reads the clock', 'src/http/x.ts', 'const start = process.hrtime.bigint();'],
    ['writes to the console', 'src/http/x.ts', "console.error('no');"],
    ['core uses a global of the runtime', 'src/core/x.ts', "Buffer.from('x');"],
    ['core uses a global of the runtime', 'src/core/x.ts', "fetch('https://x');"],
  ])('catches %s in %s', (problem, path, text) => {
    expect(problemsOf({ path, text })).toContain(problem);
  });

  it.each([
    ['src/jwt/x.ts', "import { a } from '../core/path.ts';\nimport { b } from './keys.ts';"],
    ['src/jwt/x.ts', "import { jwtVerify } from 'jose';\nimport { createHash } from 'node:crypto';"],
    ['src/http/x.ts', "import type { IncomingMessage } from 'node:http';"],
    ['src/app/x.ts', "import { a } from '../jwt/mint.ts';\nconst now = Date.now();"],
    ['src/app.ts', "import { a } from './app/snapshot.ts';"],
    ['src/main.ts', "import { run } from './cli/cli.ts';\nrun(process.env);"],
    ['src/core/x.ts', "/** import { a } from '../jwt/a.ts'; Date.now() console.log */\nexport const a = 1;"],
    ['src/core/x.ts', "const a = 'http://x'; // export default process.env"],
    ['src/http/x.ts', "const route = { path: '/keys/import', name: 'x' };"],
    ['src/jwt/x.ts', "export type { Verifier } from './verify.ts';"],
    ['src/jwt/x.ts', 'const at = new Date(timeMs);\nexport { a };\nexport { b as c };'],
  ])('lets %s pass with %j', (path, text) => expect(problemsOf({ path, text })).toEqual([]));
});

describe('src/', () => {
  const files = sourceFiles();

  it('is read: files, imports between rooms, imports of packages', () => {
    const imports = files.flatMap(({ text }) => importsOf(withoutComments(text)));
    expect(files.length).toBeGreaterThan(40);
    expect(imports.filter((specifier) => specifier.includes('/core/')).length).toBeGreaterThan(40);
    expect(imports).toContain('jose');
  });

  it('keeps its doors, its packages, its exports and its clock', () => {
    const problems = files.flatMap((file) => problemsOf(file).map((problem) => `${file.path}: ${problem}`));
    expect(problems).toEqual([]);
  });

  it('has a file in every room of the table, and in none that is only foreseen', () => {
    const built = Object.keys(ROOMS).filter((room) => !(room in FORESEEN_ROOMS));
    expect([...new Set(files.map(({ path }) => roomOf(path)))].toSorted()).toEqual(built.toSorted());
  });

  it('has no two rooms that import each other, middleware and app apart', () => {
    const mutual = Object.entries(ROOMS).flatMap(([from, { rooms }]) =>
      rooms.filter((to) => ROOMS[to]?.rooms.includes(from)).map((to) => [from, to].toSorted().join(' ↔ ')),
    );
    expect(new Set(mutual)).toEqual(new Set(['app ↔ middleware']));
  });
});
