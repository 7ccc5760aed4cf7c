/** Passwords as scrypt hashes in PHC string form, with their parameters: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { ServiceError } from './failure.ts';

interface Cost {
  /** log2 of the number of blocks. */
  readonly ln: number;
  /** Block size; memory is 128·r·2^ln bytes. */
  readonly r: number;
  readonly p: number;
}

/** 32 MiB, three times over: one of the equal choices of the OWASP password storage cheat sheet. */
const COST: Cost = { ln: 15, r: 8, p: 3 };
/** RFC 7914 §2 asks for a salt of its own per password. */
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The thread pool has four threads, and signatures need some of them. */
const PARALLEL_MAX = 2;
/** At about 0.2 s each, the last of these waits some 6 s. */
const WAITING_MAX = 64;

/** @throws ServiceError 429 while too many passwords wait */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Takes as long for a user who does not exist, or has no password, as for one whose password is wrong.
 *
 * @param stored null: there is none
 * @throws ServiceError 429 while too many passwords wait
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  if (stored === null) {
    await derive(password, Buffer.alloc(SALT_BYTES), COST);
    return false;
  }
  const { cost, salt, hash } = parseHash(stored);
  return timingSafeEqual(await derive(password, salt, cost), hash);
}

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})$/;

function parseHash(stored: string): { cost: Cost; salt: Buffer; hash: Buffer } {
  const [, ln, r, p, salt, hash] = FORM.exec(stored) ?? [];
  if (salt === undefined || hash === undefined) throw new Error('A stored password hash has an unknown form');
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** One text in two Unicode forms is one password: keyboards differ (RFC 8265 §4.2.2 uses NFC). */
async function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  await turn();
  try {
    return await scryptOf(password.normalize('NFC'), salt, cost);
  } finally {
    passOn();
  }
}

function scryptOf(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** ln;
  // Twice the blocks' memory: OpenSSL counts its own overhead too.
  const maxmem = 2 * 128 * r * N;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, { N, r, p, maxmem }, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}

/** Process-wide, as the thread pool is. */
const waiting: (() => void)[] = [];
let running = 0;

async function turn(): Promise<void> {
  if (running < PARALLEL_MAX) {
    running += 1;
    return;
  }
  if (waiting.length >= WAITING_MAX) throw new ServiceError(429, 'Too many passwords are being checked');
  await new Promise<void>((resolve) => waiting.push(resolve));
}

/** The turn goes to the next in line, or is given back. */
function passOn(): void {
  const next = waiting.shift();
  if (next === undefined) running -= 1;
  else next();
}
