/**
 * What the cryptography alone allows on one core: one RS256 verification and one RS256 signature, again and again, run
 * as a pinned process. Prints the rate per second.
 */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { BENCH_PUBLIC_KEY, BENCH_PRIVATE_KEY, BENCH_TOKEN, BENCH_SECONDS } = process.env;
const publicKey = createPublicKey(readFileSync(BENCH_PUBLIC_KEY ?? ''));
const privateKey = createPrivateKey(readFileSync(BENCH_PRIVATE_KEY ?? ''));
const token = BENCH_TOKEN ?? '';
const dot = token.lastIndexOf('.');
const signed = Buffer.from(token.slice(0, dot));
const signature = Buffer.from(token.slice(dot + 1), 'base64url');

function pairsUntil(endMs: number): number {
  let pairs = 0;
  for (; performance.now() < endMs; pairs += 1) {
    if (!verify('sha256', signed, publicKey, signature)) throw new Error('the token does not verify');
    sign('sha256', signed, privateKey);
  }
  return pairs;
}

const WARM_UP_MS = 200;
pairsUntil(performance.now() + WARM_UP_MS);
const startMs = performance.now();
const pairs = pairsUntil(startMs + Number(BENCH_SECONDS) * 1000);
console.log((pairs * 1000) / (performance.now() - startMs));
