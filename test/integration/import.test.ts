/** `countersign import`: what is printed passes `check`, and a request through it gets the assertion that WSO2 or Fusion gave. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../support/certificate.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { LISTENERS } from '../support/gateway.ts';
import { hs256, signed, testKey } from '../support/tokens.ts';
import { surroundingsPerTest } from '../support/walked-configuration.ts';

const SAMPLES = join(import.meta.dirname, '../import');
const RSA = testKey('RS256');
const CERTIFICATE = selfSignedCertificate(RSA);
const wso2 = (name: string) => `http://wso2.org/claims/${name}`;

const around = surroundingsPerTest([RSA.jwk]);

function importSample(source: string, file: string): Promise<CommandResult> {
  return runCommand(['import', source, join(SAMPLES, file)]);
}

/** Checks and starts what was printed, on free ports, and sends one request with the token. */
async function walk(
  yaml: string,
  token: string,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const configPath = around.write('countersign.yaml', yaml.replace(/^version: 1$/m, LISTENERS));
  await around.start(configPath, { ...environment, APP_URL: around.backend.url });
  const headers = { Authorization: `Bearer ${token}` };
  return (await fetch(`${around.origin}/api/roles`, { headers })).status;
}

/** Header and payload of what the backend received, either flavour of Base64. */
function receivedIn(header: string): Record<string, unknown>[] {
  const parts = String(around.backend.received.at(-1)?.headers[header]).split('.').slice(0, 2);
  return parts.map((part) => JSON.parse(Buffer.from(part, 'base64').toString()));
}

function wso2Environment(): Record<string, string> {
  const privateKey = RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    WSO2_ISSUER: around.idp.issuer,
    WSO2_JWKS_URI: around.idp.jwksUri,
    WSO2_KEY_FILE: around.write('key.pem', privateKey),
    WSO2_CERTIFICATE_FILE: around.write('crt.pem', CERTIFICATE),
  };
}

function fresh(claims: object): object {
  const now = Math.floor(Date.now() / 1000);
  return { iss: around.idp.issuer, iat: now, exp: now + 3600, sub: 'peter', ...claims };
}

describe('import app-manager', () => {
  it('prints a configuration that mints what App Manager minted (GW-C16)', async () => {
    const { code, stdout } = await importSample('app-manager', 'app-manager.xml');
    expect(code).toBe(0);
    const before = Date.now();
    const token = signed(RSA, fresh({ [wso2('gender')]: 'male' }));
    expect(await walk(stdout, token, wso2Environment())).toBe(200);
    const [header, payload] = receivedIn('x-jwt-assertion');
    const { fingerprint } = new X509Certificate(CERTIFICATE);
    const x5t = Buffer.from(fingerprint.replaceAll(':', '')).toString('base64');
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', x5t });
    expect(payload).toMatchObject({
      iss: 'wso2.org/products/appm',
      [wso2('enduser')]: 'peter',
      [wso2('subscriber')]: 'admin',
      [wso2('gender')]: 'male',
    });
    // SecurityContextTTL: 10 minutes, in milliseconds.
    expect(Math.round((Number(payload?.['exp']) - before) / 60_000)).toBe(10);
  });

  it('names on standard error and in comments what it left out, and no password (GW-C16)', async () => {
    const { output, stdout } = await importSample('app-manager', 'app-manager.xml');
    const listed = output.slice(stdout.length);
    for (const name of [
      'AppConsumerAuthConfiguration/TokenEncoderImpl',
      'AppConsumerAuthConfiguration/AddSAMLResponseHeaderToOutMessage',
      'AppConsumerAuthConfiguration/SessionTimeout',
      'APIKeyManager/EnableJWTCache',
      'APIKeyManager/Password',
      'DataSourceName',
      'WorkFlowExtensions',
    ]) {
      expect(listed).toContain(`not carried over: AppManager/${name}: `);
      expect(stdout).toContain(`#   AppManager/${name}: `);
    }
    expect(output).not.toContain('letmein');
  });
});

describe('import apim', () => {
  it('prints a configuration that mints what API Manager minted (GW-C17)', async () => {
    const { code, stdout } = await importSample('apim', 'deployment.toml');
    expect(code).toBe(0);
    const token = signed(RSA, fresh({ gender: 'male', department: 'sales' }));
    expect(await walk(stdout, token, wso2Environment())).toBe(200);
    const [header, payload] = receivedIn('x-backend-jwt');
    expect(header).toMatchObject({ typ: 'JWT', alg: 'RS256', kid: expect.any(String) });
    expect(payload).toMatchObject({
      iss: 'wso2.org/products/am',
      [wso2('enduser')]: 'peter',
      [wso2('keytype')]: 'PRODUCTION',
      [wso2('gender')]: 'male',
    });
    expect(JSON.stringify(payload)).not.toContain('sales'); // excluded_claims
    expect(Number(payload?.['exp'])).toBeLessThan(Date.now());
    expect(around.backend.received.at(-1)?.headers.authorization).toBe(`Bearer ${token}`); // enable_outbound_auth_header
  });

  it('names on standard error and in comments what it left out, and no password (GW-C17)', async () => {
    const { output, stdout } = await importSample('apim', 'deployment.toml');
    for (const name of [
      'apim.jwt.signing_cache',
      'apim.jwt.enable_user_claims',
      'apim.throttling',
      'server',
      'super_admin',
    ]) {
      expect(output.slice(stdout.length)).toContain(`not carried over: ${name}: `);
      expect(stdout).toContain(`#   ${name}: `);
    }
    expect(output).not.toContain('letmein');
  });
});

describe('import fusion', () => {
  const KEY = 'signing-key-of-the-sample-realm';

  it('prints a configuration that accepts what Fusion accepted, with its roles (GW-C17)', async () => {
    const { code, stdout } = await importSample('fusion', 'fusion-realms.json');
    expect(code).toBe(0);
    // As in Fusion's documentation: no exp, iat in milliseconds.
    const token = hs256(KEY, {
      iss: 'fusion',
      iat: 1536782517864,
      sub: 'test-fusion',
      groups: ['group-one'],
    });
    expect(await walk(stdout, token, { PARTNER_APPS_SIGNING_KEY: KEY })).toBe(200);
    expect(receivedIn('x-jwt-assertion')[1]).toMatchObject({
      [wso2('enduser')]: 'test-fusion',
      [wso2('role')]: ['authenticated', 'search-user', 'developer'],
    });
  });

  it('leaves out realms that are switched off or of another type, and shows no key (GW-C17)', async () => {
    const { output, stdout } = await importSample('fusion', 'fusion-realms.json');
    expect(stdout.match(/ issuer: /g)).toHaveLength(1);
    expect(output.slice(stdout.length)).toContain('[0].realmType: is not jwt');
    expect(output.slice(stdout.length)).toContain('[2].enabled: is switched off');
    expect(output).not.toMatch(/signing-key-of/);
  });
});

describe('import fusion of a realm with both kinds of keys', () => {
  it('prints a configuration that passes check (GW-C17)', async () => {
    const keys = { signingKey: 'k'.repeat(32), jwkSetUri: 'https://idp.example/jwks' };
    const realm = { name: 'both', realmType: 'jwt', enabled: true, config: { issuer: 'both', ...keys } };
    const { stdout } = await runCommand(['import', 'fusion', '-'], {}, JSON.stringify(realm));
    const path = around.write('countersign.yaml', stdout);
    const { code, output } = await runCommand(['check', path], { BOTH_SIGNING_KEY: keys.signingKey });
    expect(output).toContain('ok, 2 realms');
    expect(code).toBe(0);
  });
});

describe('an import', () => {
  it('reads standard input where the file is "-"', async () => {
    const text = readFileSync(join(SAMPLES, 'fusion-realms.json'));
    const { code, stdout } = await runCommand(['import', 'fusion', '-'], {}, text);
    expect([code, stdout]).toEqual([0, (await importSample('fusion', 'fusion-realms.json')).stdout]);
  });

  it('with --strict fails where something was left out', async () => {
    const { code, stdout } = await runCommand([
      'import',
      'fusion',
      '--strict',
      join(SAMPLES, 'fusion-realms.json'),
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain('issuer: fusion');
  });

  it.each([
    ['is not there', 'missing.xml', null, 'cannot be read: '],
    ['is no XML', 'a.xml', '{}', 'is not well-formed XML (line 1, column 1)'],
    ['is longer than 1 MiB', 'a.xml', `<a>${'a'.repeat(1024 * 1024)}</a>`, 'is longer than 1048576 bytes'],
    ['is not UTF-8', 'a.xml', Buffer.from([0x3c, 0xff]), 'is not UTF-8'],
  ])('of a file that %s fails with its name', async (_what, name, content, message) => {
    const path = join(around.folder, name);
    if (content !== null) writeFileSync(path, content);
    const { code, stdout, output } = await runCommand(['import', 'app-manager', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(output).toContain(`${path} ${message}`);
  });

  it('without a file explains its use', async () => {
    const { code, output } = await runCommand(['import', 'apim']);
    expect(code).toBe(64);
    expect(output).toContain('Usage: countersign import apim [options] FILE');
  });
});
