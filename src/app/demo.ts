/** The first look: secrets that the configuration wants from files are made, and a call that works is printed. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HOUR_MS } from '../core/time.ts';
import { callerToken } from './caller-token.ts';
import { type Environment, loadFile, readConfiguration } from './configuration.ts';
import { systemClock } from './ports.ts';

/** RFC 7518 §3.2 asks HS256 for 32. */
const SECRET_BYTES = 32;
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** Makes the secret files of the realms where they are missing. Returns the paths of those made. */
export function makeMissingSecrets(configPath: string, environment: Environment): string[] {
  const loaded = loadFile(configPath, environment);
  if ('issues' in loaded) return [];
  const files = loaded.config.settings.realms.flatMap(({ signingKey }) => {
    const secret = signingKey?.secret;
    return typeof secret === 'object' ? [resolve(dirname(configPath), secret.file)] : [];
  });
  const missing = files.filter((file) => !existsSync(file));
  for (const file of missing) writeSecret(file);
  return missing;
}

function writeSecret(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  writeFileSync(file, randomBytes(SECRET_BYTES).toString('base64url'), { mode: OWNER_ONLY_FILE, flag: 'wx' });
}

/** One line that can be pasted into a shell; null where no realm has a secret to sign with. */
export async function demoCurl(
  configPath: string,
  environment: Environment,
  origin: string,
): Promise<string | null> {
  const result = await readConfiguration(configPath, environment, systemClock);
  if ('issues' in result) return null;
  const { compiled } = result.configuration;
  const realm = compiled.realms.find(
    ({ name }) => compiled.realmKeys.get(name)?.signingKey?.kind === 'secret',
  );
  if (realm === undefined) return null;
  const token = await callerToken(result.configuration, {
    realm: realm.name,
    subject: 'alice',
    groups: [...realm.rolesOfGroup.keys()],
    scopes: [],
    claims: { email: 'alice@example.com' },
    lifeMs: HOUR_MS,
    nowMs: systemClock(),
    privateKeyPem: null,
    kid: null,
  });
  return `curl -s -H 'Authorization: Bearer ${token}' ${origin}/hello`;
}
